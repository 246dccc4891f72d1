"""Every key of unit files and of system.conf, so that none of them is taken for another one's misspelling."""

from __future__ import annotations

from typing import Final

__all__ = ["KEYS"]

KEYS: Final = frozenset(
    """
    Accept AccuracySec After Alias AllowIsolate AllowedCPUs AllowedMemoryNodes Also AmbientCapabilities AppArmorProfile AssertACPower
    AssertArchitecture AssertCPUFeature AssertCPUPressure AssertCPUs AssertCapability AssertControlGroupController AssertCredential
    AssertDirectoryNotEmpty AssertEnvironment AssertFileIsExecutable AssertFileNotEmpty AssertFirstBoot AssertGroup AssertHost
    AssertIOPressure AssertKernelCommandLine AssertKernelVersion AssertMemory AssertMemoryPressure AssertNeedsUpdate AssertOSRelease
    AssertPathExists AssertPathExistsGlob AssertPathIsDirectory AssertPathIsEncrypted AssertPathIsMountPoint AssertPathIsReadWrite
    AssertPathIsSymbolicLink AssertSecurity AssertUser AssertVirtualization BPFProgram Backlog Before BindIPv6Only BindPaths
    BindReadOnlyPaths BindTo BindToDevice BindsTo BlockIOAccounting BlockIODeviceWeight BlockIOReadBandwidth BlockIOWeight
    BlockIOWriteBandwidth Broadcast BusName BusPolicy CPUAccounting CPUAffinity CPUQuota CPUQuotaPeriodSec CPUSchedulingPolicy
    CPUSchedulingPriority CPUSchedulingResetOnFork CPUShares CPUWeight CacheDirectory CacheDirectoryMode Capabilities
    CapabilityBoundingSet CollectMode ConditionACPower ConditionArchitecture ConditionCPUFeature ConditionCPUPressure ConditionCPUs
    ConditionCapability ConditionControlGroupController ConditionCredential ConditionDirectoryNotEmpty ConditionEnvironment
    ConditionFileIsExecutable ConditionFileNotEmpty ConditionFirmware ConditionFirstBoot ConditionGroup ConditionHost ConditionIOPressure
    ConditionKernelCommandLine ConditionKernelVersion ConditionMemory ConditionMemoryPressure ConditionNeedsUpdate ConditionOSRelease
    ConditionPathExists ConditionPathExistsGlob ConditionPathIsDirectory ConditionPathIsEncrypted ConditionPathIsMountPoint
    ConditionPathIsReadWrite ConditionPathIsSymbolicLink ConditionSecurity ConditionUser ConditionVirtualization ConfigurationDirectory
    ConfigurationDirectoryMode Conflicts CoredumpFilter CoredumpReceive CrashChVT CrashChangeVT CrashReboot CrashShell
    CtrlAltDelBurstAction DefaultBlockIOAccounting DefaultCPUAccounting DefaultDependencies DefaultDeviceTimeoutSec DefaultEnvironment
    DefaultIOAccounting DefaultIPAccounting DefaultInstance DefaultLimitAS DefaultLimitCORE DefaultLimitCPU DefaultLimitDATA
    DefaultLimitFSIZE DefaultLimitLOCKS DefaultLimitMEMLOCK DefaultLimitMSGQUEUE DefaultLimitNICE DefaultLimitNOFILE DefaultLimitNPROC
    DefaultLimitRSS DefaultLimitRTPRIO DefaultLimitRTTIME DefaultLimitSIGPENDING DefaultLimitSTACK DefaultMemoryAccounting
    DefaultMemoryLow DefaultMemoryMin DefaultMemoryPressureDurationSec DefaultMemoryPressureLimit DefaultMemoryPressureThresholdSec
    DefaultMemoryPressureWatch DefaultOOMPolicy DefaultOOMScoreAdjust DefaultRestartSec DefaultSmackProcessLabel DefaultStandardError
    DefaultStandardOutput DefaultStartLimitBurst DefaultStartLimitInterval DefaultStartLimitIntervalSec DefaultStartupMemoryLow
    DefaultTasksAccounting DefaultTasksMax DefaultTimeoutAbortSec DefaultTimeoutStartSec DefaultTimeoutStopSec DefaultTimerAccuracySec
    DeferAcceptSec Delegate DelegateSubgroup Description DeviceAllow DevicePolicy DirectoryMode DirectoryNotEmpty DisableControllers
    Documentation DumpCore DynamicUser Environment EnvironmentFile ExecCondition ExecPaths ExecReload ExecSearchPath ExecStart
    ExecStartPost ExecStartPre ExecStop ExecStopPost ExecStopPre ExitType ExtensionDirectories ExtensionImagePolicy ExtensionImages
    ExtraOptions FailureAction FailureActionExitStatus FileDescriptorName FileDescriptorStoreMax FileDescriptorStorePreserve
    FinalKillSignal FixedRandomDelay FlushPending ForceUnmount FreeBind Group GuessMainPID IOAccounting IODeviceLatencyTargetSec
    IODeviceWeight IOReadBandwidthMax IOReadIOPSMax IOSchedulingClass IOSchedulingPriority IOWeight IOWriteBandwidthMax IOWriteIOPSMax
    IPAccounting IPAddressAllow IPAddressDeny IPCNamespacePath IPEgressFilterPath IPIngressFilterPath IPTOS IPTTL IgnoreOnIsolate
    IgnoreOnSnapshot IgnoreSIGPIPE ImportCredential InaccessibleDirectories InaccessiblePaths JobRunningTimeoutSec JobTimeoutAction
    JobTimeoutRebootArgument JobTimeoutSec JoinControllers JoinsNamespaceOf KExecWatchdogSec KeepAlive KeepAliveIntervalSec
    KeepAliveProbes KeepAliveTimeSec KeyringMode KillMode KillSignal LazyUnmount LimitAS LimitCORE LimitCPU LimitDATA LimitFSIZE
    LimitLOCKS LimitMEMLOCK LimitMSGQUEUE LimitNICE LimitNOFILE LimitNPROC LimitRSS LimitRTPRIO LimitRTTIME LimitSIGPENDING LimitSTACK
    ListenDatagram ListenFIFO ListenMessageQueue ListenNetlink ListenSequentialPacket ListenSpecial ListenStream ListenUSBFunction
    LoadCredential LoadCredentialEncrypted LockPersonality LogColor LogExtraFields LogFilterPatterns LogLevel LogLevelMax LogLocation
    LogNamespace LogRateLimitBurst LogRateLimitIntervalSec LogTarget LogTime LogsDirectory LogsDirectoryMode MakeDirectory
    ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap ManagerEnvironment Mark MaxConnections
    MaxConnectionsPerSource MemoryAccounting MemoryDenyWriteExecute MemoryHigh MemoryKSM MemoryLimit MemoryLow MemoryMax MemoryMin
    MemoryPressureThresholdSec MemoryPressureWatch MemorySwapMax MemoryZSwapMax MessageQueueMaxMessages MessageQueueMessageSize
    MountAPIVFS MountFlags MountImagePolicy MountImages NFTSet NUMAMask NUMAPolicy NetClass NetworkNamespacePath Nice NoDelay NoExecPaths
    NoNewPrivileges NonBlocking NotifyAccess OOMPolicy OOMScoreAdjust OnActiveSec OnBootSec OnCalendar OnClockChange OnFailure
    OnFailureIsolate OnFailureJobMode OnStartupSec OnSuccess OnSuccessJobMode OnTimezoneChange OnUnitActiveSec OnUnitInactiveSec OpenFile
    Options PAMName PIDFile PartOf PassCredentials PassEnvironment PassPacketInfo PassSecurity PathChanged PathExists PathExistsGlob
    PathModified PermissionsStartOnly Persistent Personality PipeSize PollLimitBurst PollLimitIntervalSec Priority PrivateDevices
    PrivateIPC PrivateMounts PrivateNetwork PrivateTmp PrivateUsers ProcSubset PropagateReloadFrom PropagateReloadTo PropagatesReloadTo
    PropagatesStopTo ProtectClock ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules
    ProtectKernelTunables ProtectProc ProtectSystem RandomizedDelaySec ReadOnlyDirectories ReadOnlyPaths ReadWriteDirectories
    ReadWriteOnly ReadWritePaths RebootArgument RebootWatchdogSec ReceiveBuffer RefuseManualStart RefuseManualStop ReloadLimitBurst
    ReloadLimitIntervalSec ReloadPropagatedFrom ReloadSignal RemainAfterElapse RemainAfterExit RemoveIPC RemoveOnStop RequiredBy Requires
    RequiresMountsFor RequiresOverridable Requisite RequisiteOverridable Restart RestartForceExitStatus RestartKillSignal
    RestartMaxDelaySec RestartMode RestartPreventExitStatus RestartSec RestartSteps RestrictAddressFamilies RestrictFileSystems
    RestrictNamespaces RestrictNetworkInterfaces RestrictRealtime RestrictSUIDSGID ReusePort RootDirectory RootDirectoryStartOnly
    RootEphemeral RootHash RootHashSignature RootImage RootImageOptions RootImagePolicy RootVerity RuntimeDirectory RuntimeDirectoryMode
    RuntimeDirectoryPreserve RuntimeMaxSec RuntimeRandomizedExtraSec RuntimeWatchdogPreGovernor RuntimeWatchdogPreSec RuntimeWatchdogSec
    SELinuxContext SELinuxContextFromNet SecureBits SendBuffer SendSIGHUP SendSIGKILL Service SetCredential SetCredentialEncrypted
    SetLoginEnvironment ShowStatus ShutdownWatchdogSec Slice SloppyOptions SmackLabel SmackLabelIPIn SmackLabelIPOut SmackProcessLabel
    SocketBindAllow SocketBindDeny SocketGroup SocketMode SocketProtocol SocketUser Sockets SourcePath StandardError StandardInput
    StandardInputData StandardInputText StandardOutput StartLimitAction StartLimitBurst StartLimitInterval StartLimitIntervalSec
    StartupAllowedCPUs StartupAllowedMemoryNodes StartupBlockIOWeight StartupCPUShares StartupCPUWeight StartupIOWeight StartupMemoryHigh
    StartupMemoryLow StartupMemoryMax StartupMemorySwapMax StartupMemoryZSwapMax StateDirectory StateDirectoryMode StatusUnitFormat
    StopPropagatedFrom StopWhenUnneeded SuccessAction SuccessActionExitStatus SuccessExitStatus SupplementaryGroups SurviveFinalKillSignal
    SwapUsedLimit Symlinks SysVStartPriority SyslogFacility SyslogIdentifier SyslogLevel SyslogLevelPrefix SystemCallArchitectures
    SystemCallErrorNumber SystemCallFilter SystemCallLog TCPCongestion TTYColumns TTYPath TTYReset TTYRows TTYVHangup TTYVTDisallocate
    TasksAccounting TasksMax TemporaryFileSystem TimeoutAbortSec TimeoutCleanSec TimeoutIdleSec TimeoutSec TimeoutStartFailureMode
    TimeoutStartSec TimeoutStopFailureMode TimeoutStopSec TimerSlackNSec Timestamping Transparent TriggerLimitBurst
    TriggerLimitIntervalSec Type UMask USBFunctionDescriptors USBFunctionStrings Unit UnsetEnvironment UpheldBy Upholds User
    UtmpIdentifier UtmpMode WakeSystem WantedBy Wants WatchdogDevice WatchdogSec WatchdogSignal What Where WorkingDirectory Writable
    """.split()  # noqa: SIM905 -- a fifth of the lines
)
"""Keys of systemd 255 (src/core/load-fragment-gperf.gperf.in, src/core/main.c), those that it takes and passes over among them."""
