"""Git hosts that golive listens to and reports to: one module a host; the table finds it by name."""

from golive.pipelines.hosts import gitea, github, gitlab
from golive.pipelines.hosts.host import Host

HOSTS: dict[str, Host] = {host.name: host for host in (github.GITHUB, gitlab.GITLAB, gitea.GITEA, gitea.FORGEJO)}
