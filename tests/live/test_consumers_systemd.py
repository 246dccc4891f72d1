"""systemd as an oracle: it must be able to say no."""

from __future__ import annotations

import os
import re

import pytest
from consumers import systemd

from oomconf.dialects import _units

pytestmark = pytest.mark.live("systemd")

WEB = "[Service]\nExecStart=/usr/sbin/not-on-this-machine\nMemoryMax=5G\nOOMScoreAdjust=-100\n"


def test_a_good_unit_has_no_messages_even_if_its_daemon_is_not_here() -> None:
    assert systemd.verify({"web.service": WEB, "web.service.d/60-oomconf.conf": "[Service]\nMemoryHigh=4G\n"}) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"web.service": "[Service]\nExecStart=/bin/true\nMemoryMax=2GB\n"}, "web.service:3: Invalid memory limit '2GB'"),
        ({"web.service.d/60-oomconf.conf": "[Service]\nMemoryMax=0\n"}, "60-oomconf.conf:2: Memory limit '0' out of range"),
        ({"web.service.d/60-oomconf.conf": "[Service]\nMemroyMax=1G\n"}, "Unknown key 'MemroyMax' in section [Service]"),
        (
            {"etc/systemd/system/web.service.d/x.conf": "[Unit]\nMemoryMax=1G\n"},
            "web.service.d/x.conf:2: Unknown key 'MemoryMax' in section [Unit]",
        ),
        ({"pg@.service.d/x.conf": "[Service]\nOOMPolicy=never\n"}, "pg@.service.d/x.conf:2: Failed to parse OOM policy"),
        ({"pg@15-main.service.d/x.conf": "[Service]\nOOMScoreAdjust=-1001\n"}, "pg@15-main.service.d/x.conf:2: "),
        ({"db.slice": "[Slice]\nMemoryLow=1Gi\n"}, "db.slice:2: Invalid memory limit '1Gi'"),
        ({"-.slice.d/x.conf": "[Slice]\nManagedOOMSwap=always\n"}, "-.slice.d/x.conf:2: "),
        ({"service.d/10-all.conf": "[Service]\nMemoryMax=1k\n"}, "service.d/10-all.conf:2: Invalid memory limit '1k'"),
        ({"web-.service.d/x.conf": "[Service]\nMemoryMax=1k\n"}, "web-.service.d/x.conf:2: Invalid memory limit '1k'"),
        ({"data-swapfile.swap": "[Swap]\nWhat=/data/swapfile\nPriority=high\n"}, "data-swapfile.swap:3: Invalid swap priority 'high'"),
        ({"log.timer": "[Timer]\nOnCalendar=hourly-ish\n", "log.service": "[Service]\nExecStart=/bin/true\n"}, "log.timer:2: "),
    ],
)
def test_verify_reports_the_line(files: dict[str, str], message: str) -> None:
    assert any(message in line for line in systemd.verify(files)), systemd.verify(files)


def test_a_bad_size_is_dropped_and_the_earlier_one_stays_in_force() -> None:
    said = systemd.effective({"web.service": WEB, "web.service.d/60-oomconf.conf": "[Service]\nMemoryMax=2GB\nMemoryLow=1G\n"})[
        "web.service"
    ]
    assert (said["MemoryMax"], said["MemoryLow"], said["OOMScoreAdjust"]) == (str(5 * 2**30), str(2**30), "-100")
    assert said["DropIn Path"] == "web.service.d/60-oomconf.conf"


def test_a_bad_size_alone_means_no_limit() -> None:
    assert (
        systemd.effective({"web.service.d/60-oomconf.conf": "[Service]\nMemoryMax=2GB\n"})["web.service"]["MemoryMax"] == systemd.UNLIMITED
    )


def test_every_property_is_read_back() -> None:
    lines = {
        "MemoryMin": "64M",
        "MemoryLow": "128M",
        "MemoryHigh": "1G",
        "MemoryMax": "1.5G",
        "MemorySwapMax": "0",
        "OOMScoreAdjust": "-500",
        "OOMPolicy": "kill",
        "ManagedOOMSwap": "kill",
        "ManagedOOMMemoryPressure": "kill",
        "ManagedOOMMemoryPressureLimit": "50%",
        "ManagedOOMPreference": "avoid",
        "Slice": "app-db.slice",
        "Restart": "on-abnormal",
    }
    drop_in = "[Service]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())
    said = systemd.effective({"web.service.d/60-oomconf.conf": drop_in})
    expected = lines | {
        "MemoryMin": str(64 * 2**20),
        "MemoryLow": str(128 * 2**20),
        "MemoryHigh": str(2**30),
        "MemoryMax": str(3 * 2**29),
        "ManagedOOMMemoryPressureLimit": "50.00%",
    }
    assert {key: said["web.service"][key] for key in lines} == expected
    assert said["app-db.slice"]["Slice"] == "app.slice"


def test_drop_ins_sort_by_file_name_across_all_directories() -> None:
    said = systemd.effective(
        {
            "usr/lib/systemd/system/web.service": WEB,
            "etc/systemd/system/web.service.d/60-oomconf.conf": "[Service]\nMemoryMax=1G\nMemoryHigh=1G\n",
            "usr/lib/systemd/system/web.service.d/90-vendor.conf": "[Service]\nMemoryMax=2G\n",
            "etc/systemd/system.control/web.service.d/50-MemoryMax.conf": "[Service]\nMemoryMax=3G\n",
            "usr/lib/systemd/system/service.d/10-all.conf": "[Service]\nMemoryMin=1M\n",
        }
    )["web.service"]
    assert said["MemoryMax"] == str(2 * 2**30)
    assert said["MemoryHigh"] == str(2**30)
    assert said["MemoryMin"] == str(2**20)
    assert [path.rpartition("/")[2] for path in said["DropIn Path"].splitlines()] == [
        "10-all.conf",
        "50-MemoryMax.conf",
        "60-oomconf.conf",
        "90-vendor.conf",
    ]


def test_a_whole_unit_in_etc_hides_the_vendors() -> None:
    said = systemd.effective({"usr/lib/systemd/system/web.service": WEB, "web.service": "[Service]\nExecStart=/bin/true\n"})["web.service"]
    assert said["MemoryMax"] == systemd.UNLIMITED


def test_a_template_is_shown_by_its_instances() -> None:
    said = systemd.effective(
        {"pg@.service.d/60-oomconf.conf": "[Service]\nMemoryMax=1G\n", "pg@15-main.service.d/60-oomconf.conf": "[Service]\nMemoryMax=2G\n"},
        also=["pg@9.service"],
    )
    instances = {name: unit["MemoryMax"] for name, unit in said.items() if name.endswith(".service")}
    assert instances == {"pg@15-main.service": str(2**31), "pg@9.service": str(2**30), "pg@oracle.service": str(2**30)}
    assert said["pg@9.service"]["Slice"] == "system-pg.slice"


def test_user_units_have_their_own_directories_and_slices() -> None:
    files = {"etc/systemd/user/sync.service.d/60-oomconf.conf": "[Service]\nMemoryMax=1G\nMemoryHigh=lots\n"}
    said = systemd.effective(files, user=True)["sync.service"]
    assert (said["MemoryMax"], said["MemoryHigh"], said["Slice"]) == (str(2**30), systemd.UNLIMITED, "app.slice")
    assert any("sync.service.d/60-oomconf.conf:3: Invalid memory limit 'lots'" in line for line in systemd.messages(files, user=True))


def test_the_manager_says_what_verify_says() -> None:
    files = {"web.service.d/60-oomconf.conf": "[Service]\nMemoryMax=2GB\n", "db.slice": "[Slice]\nMemoryMax=8G\n"}
    assert systemd.messages(files) == systemd.verify(files)


def test_configuration_is_read_by_file_name_and_a_namesake_hides() -> None:
    files = {
        "usr/lib/sysctl.d/99-protect-links.conf": "a=1\n",
        "usr/lib/sysctl.d/90-oomconf.conf": "vm.swappiness=1\n",
        "etc/sysctl.d/90-oomconf.conf": "vm.swappiness=10\n",
        "run/sysctl.d/95-x.conf": "vm.swappiness=20\n",
        "etc/sysctl.conf": "vm.swappiness=30\n",
    }
    assert systemd.cat_config_order(files) == [
        "etc/sysctl.d/90-oomconf.conf",
        "run/sysctl.d/95-x.conf",
        "usr/lib/sysctl.d/99-protect-links.conf",
    ]


def test_a_main_file_comes_before_its_drop_ins() -> None:
    files = {
        "etc/systemd/oomd.conf.d/60-oomconf.conf": "[OOM]\n",
        "usr/lib/systemd/oomd.conf.d/10-vendor.conf": "[OOM]\n",
        "etc/systemd/oomd.conf": "[OOM]\n",
    }
    assert systemd.cat_config_order(files, "systemd/oomd.conf") == [
        "etc/systemd/oomd.conf",
        "usr/lib/systemd/oomd.conf.d/10-vendor.conf",
        "etc/systemd/oomd.conf.d/60-oomconf.conf",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5G", 3 * 2**29), ("1G 512M", 3 * 2**29), ("2GB", None), ("1Gi", None), ("512m", None), ("", None), ("010", 10), ("0.1", 0)],
)
def test_a_size_is_parsed_by_systemd_itself(text: str, value: int | None) -> None:
    assert systemd.size(text) == value


@pytest.mark.parametrize(("text", "value"), [("50%", 5000), ("12.34%", 1234), ("5‰", 50), ("50", None), ("101%", None)])
def test_a_percentage_is_parsed_by_systemd_itself(text: str, value: int | None) -> None:
    assert systemd.permyriad(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("-1000", -1000), ("1000", 1000), ("0x10", 16), ("1001", None), ("-1001", None), ("high", None)]
)
def test_a_score_is_parsed_by_systemd_itself(text: str, value: int | None) -> None:
    assert systemd.oom_score_adjust(text) == value


def test_no_key_leaves_the_tests_folder() -> None:
    with pytest.raises(ValueError, match="leaves the test's folder"):
        systemd.verify({f"{'../' * 9}{os.urandom(8).hex()}.service": WEB})


@pytest.mark.parametrize("unit", ["x.service", "x.slice", "data-x.swap", "data-x.mount", "x.socket", "x.timer"])
def test_each_kind_of_unit_takes_the_keys_that_the_table_says(unit: str) -> None:
    kind = unit.rpartition(".")[2]
    rows = [row for row in _units.DIRECTIVES if row.gone is None and row.section is None and row.since <= (systemd.version() or 0)]
    rows = [row for row in rows if row.name != "Slice" or kind != "slice"]  # known there, and refused whatever it says
    said = systemd.verify({f"{unit}.d/x.conf": f"[{kind.capitalize()}]\n" + "".join(f"{row.name}=\n" for row in rows)})
    refused = re.compile(r"Unknown key '(\w+)'|(\w+)= (?:is|setting) not supported for this unit type")
    assert {found[1] or found[2] for line in said if (found := refused.search(line))} == {row.name for row in rows if kind not in row.kinds}
