"""Heaps in variables that their program does not read."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def heap_never_arrives(entry: Entry, around: Context) -> Iterator[Problem]:
    """A heap in JAVA_OPTS does nothing where java itself is started.

    JAVA_OPTS, CATALINA_OPTS and their like are read by the start scripts of products, which put them on java's command line. java reads
    JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS and _JAVA_OPTIONS alone (java(1)). With `ENTRYPOINT ["java", "-jar", "app.jar"]` the heap is
    a quarter of the limit, whatever JAVA_OPTS says. Reported is only where the file starts java itself: an entrypoint in the
    exec form, a manifest's `command`, ExecStart=. An image's own entrypoint, a script or a shell may read the variable.
    A spec cannot make this mistake: it chooses the variable itself.

    ```dockerfile bad Dockerfile
    FROM eclipse-temurin:21
    ENV JAVA_OPTS=-Xmx512m   ⟵
    ENTRYPOINT ["java", "-jar", "app.jar"]
    ```

    ```dockerfile good Dockerfile
    FROM eclipse-temurin:21
    ENV JAVA_TOOL_OPTIONS=-Xmx512m
    ENTRYPOINT ["java", "-jar", "app.jar"]
    ```

    ```dockerfile good Dockerfile
    FROM eclipse-temurin:21
    ENV JAVA_OPTS=-Xmx512m
    ENTRYPOINT exec java $JAVA_OPTS -jar app.jar
    ```

    ```dockerfile good Dockerfile
    FROM registry.example/java-with-a-script:21
    ENV JAVA_OPTS=-Xmx512m
    CMD ["java", "-jar", "app.jar"]
    ```

    ```dockerfile good Dockerfile
    FROM tomcat:10
    ENV JAVA_OPTS=-Xmx512m CATALINA_OPTS=-Xms64m
    ```

    ```ini bad etc/systemd/system/app.service
    [Service]
    Environment=JAVA_OPTS=-Xmx3g   ⟵
    ExecStart=/usr/bin/java -jar /srv/app.jar
    MemoryMax=4G
    ```

    ```ini good etc/systemd/system/app.service
    [Service]
    Environment=JAVA_OPTS=-Xmx3g
    ExecStart=/usr/bin/java $JAVA_OPTS -jar /srv/app.jar
    MemoryMax=4G
    ```

    ```yaml bad k8s/app.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: app}
    spec:
      containers:
        - name: app
          image: registry.example/app
          command: ["java", "-jar", "/app.jar"]
          env: [{name: JAVA_OPTS, value: -Xmx512m}]   ⟵
    ```

    ```yaml good k8s/app.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: app}
    spec:
      containers:
        - name: app
          image: registry.example/app
          args: ["java", "-jar", "/app.jar"]
          env: [{name: JAVA_OPTS, value: -Xmx512m}]
    ```

    ```yaml bad compose.yaml
    services:
      app:
        image: registry.example/app
        entrypoint: ["java", "-jar", "/app.jar"]
        environment: {JAVA_OPTS: -Xmx512m}   ⟵
    ```
    """
    if entry.section == "unheard":
        yield Problem(
            entry.at,
            f"{entry.key} does not reach java, which is started without a script that reads it: '{entry.value[:60]}' does nothing",
            "say it in JAVA_TOOL_OPTIONS, or on the command line before -jar",
            object=entry.object,
        )
