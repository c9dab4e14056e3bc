"""What is built is what Docker would build there: the file it takes, the service with its overrides, the target of a bake file.

It needs the docker command, but no engine.
"""

from __future__ import annotations

import pytest

from layerlab import App
from layerlab.errors import AppError, CommandFailed
from layerlab.machine.choosing import variants
from layerlab.machine.plans import changed
from layerlab.machine.resolving import resolve
from layerlab.project.plan import Plan

DOCKERFILE = (
    "ARG MODE=prod\nFROM scratch AS base\nRUN $MODE\nFROM base AS dev\nRUN dev\nFROM base AS final\nCOPY app.py /app/\n"
)
WEB = "services: {web: {build: .}}\n"


@pytest.fixture
def project(tmp_path, lab_home, monkeypatch):
    """A function that writes files into a git checkout; it returns the checkout."""
    monkeypatch.setenv("LAYERLAB_HOME", str(lab_home))  # where the docker command is
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # no engine is asked
    for name in ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shop" / ".git").mkdir(parents=True)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "shop"

    return write


def made(folder, variant="", **more):
    with App.at(folder) as app:
        return resolve(app, variant, **more)


def written(project, *, dockerfile="Dockerfile", **files):
    return project(**{dockerfile: DOCKERFILE}, **files)


# -- Dockerfiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["Dockerfile"], "Dockerfile"),
        (["dockerfile"], "dockerfile"),
        (["Dockerfile", "dockerfile"], "Dockerfile"),
        (["Dockerfile", "compose.yaml"], "Dockerfile"),
    ],
)
def test_the_dockerfile_that_docker_takes(project, names, taken):
    folder = project(**dict.fromkeys(names, "FROM scratch\nCOPY a /\n"))
    assert (made(folder).file, made(folder).dockerfile) == (taken, "FROM scratch\nCOPY a /\n")


def test_a_containerfile_is_not_docker_s_but_may_be_named(project):
    folder = project(Containerfile="FROM scratch\n")
    with pytest.raises(AppError, match="has no Dockerfile"):
        made(folder)
    assert made(folder, "Containerfile").file == "Containerfile"


def test_the_dockerfiles_below_are_named(project):
    folder = project(
        **{"api/Dockerfile": "FROM scratch\n", "web/dev.Dockerfile": "FROM scratch\n", "Dockerfile.md": ""}
    )
    with pytest.raises(AppError, match=r"name one of these.*: Dockerfile\.md, api/Dockerfile, web/dev\.Dockerfile$"):
        made(folder)


@pytest.mark.parametrize("how", ["relative", "full"])
def test_a_dockerfile_outside_the_folder(project, how):
    folder = project(**{"docker/api.Dockerfile": "FROM scratch\nCOPY app.py /\n", "svc/app.py": ""})
    name = "../docker/api.Dockerfile" if how == "relative" else str(folder / "docker/api.Dockerfile")
    found = made(folder / "svc", name)
    assert (found.variant, found.file, found.dockerfile) == (
        "api", str(folder / "docker/api.Dockerfile"), "FROM scratch\nCOPY app.py /\n",
    )  # fmt: skip
    assert (found.contexts, found.folders) == ({"context": "."}, {"context": folder / "svc"})
    with App.from_path(folder / "svc") as copy:
        assert resolve(copy, name).dockerfile == found.dockerfile


# -- Compose -----------------------------------------------------------------------------------------------------------

OVERRIDE = "services: {web: {build: {target: dev, args: {MODE: dev}}}}\n"


@pytest.mark.parametrize("copied", [False, True])
def test_an_override_file_counts(project, copied):
    folder = written(project, **{"compose.yaml": WEB, "compose.override.yaml": OVERRIDE})
    with (App.from_path if copied else App.at)(folder) as app:
        found = resolve(app, "", service="web")
    assert (found.variant, found.service, found.target, found.args) == ("web", "web", "dev", {"MODE": "dev"})
    assert [i.text for i in found.steps] == ["RUN $MODE", "RUN dev"]


def test_a_file_that_is_named_comes_without_its_override(project):
    folder = written(project, **{"compose.yaml": WEB, "compose.override.yaml": OVERRIDE})
    assert made(folder, "compose.yaml", service="web").target == ""
    again = made(folder, "compose.yaml", service="web", options=["--file=compose.override.yaml"])
    assert again.target == "dev"


def test_the_users_variables_and_files_of_variables_count(project, monkeypatch):
    text = "services: {web: {build: {context: ., args: {MODE: '${MODE:-none}'}}}}\n"
    folder = written(project, **{"compose.yaml": text, "other.yaml": WEB + "# nothing\n", "two.env": "MODE=two\n"})
    assert made(folder, service="web").args == {"MODE": "none"}
    (folder / ".env").write_text("MODE=one\n")
    assert made(folder, service="web").args == {"MODE": "one"}
    assert made(folder, service="web", options=["--env-file", "two.env"]).args == {"MODE": "two"}
    monkeypatch.setenv("MODE", "three")
    assert made(folder, service="web").args == {"MODE": "three"}
    monkeypatch.setenv("COMPOSE_FILE", "other.yaml")
    assert made(folder, service="web").args == {}
    assert made(folder, "compose.yaml", service="web").args == {"MODE": "three"}


def test_a_service_of_a_profile(project):
    text = "services: {web: {build: .}, tests: {profiles: [ci], build: {context: ., target: dev}}}\n"
    folder = written(project, **{"compose.yaml": text})
    assert made(folder, service="tests").target == "dev"  # Compose builds a service that is named
    with App.at(folder) as app:
        assert variants(app) == ["Dockerfile", "tests", "web"]


def test_a_context_above_the_compose_file(project):
    text = "services: {web: {build: {context: .., dockerfile: docker/Dockerfile}}}\n"
    folder = written(project, dockerfile="docker/Dockerfile", **{"docker/docker-compose.yml": text, "app.py": ""})
    found = made(folder, "docker/docker-compose.yml", service="web")
    assert (found.file, found.folders) == ("docker/Dockerfile", {"context": folder})
    inside = made(folder / "docker", service="web")
    assert (inside.file, inside.folders) == ("Dockerfile", {"context": folder})
    assert inside.contexts == {"context": str(folder)}
    with App.from_path(folder / "docker") as copy, pytest.raises(AppError, match="more than the scratch copy of"):
        resolve(copy, "", service="web")


def test_a_folder_with_only_a_compose_file(project):
    folder = project(
        **{"api/dockerfile": DOCKERFILE, "compose.yaml": "services: {api: {build: ./api}, db: {image: postgres}}\n"}
    )
    found = made(folder)
    assert (found.variant, found.service, found.file) == ("api", "api", "api/dockerfile")
    (folder / "compose.yaml").write_text(
        "services: {api: {build: ./api}, web: {build: ./api}, db: {image: postgres}}\n"
    )
    with pytest.raises(AppError, match=r"its Compose file builds api, web\nname one, with --service"):
        made(folder)
    with pytest.raises(AppError, match=r"no service 'apii'\nthere are: api, web"):
        made(folder, service="apii")
    with pytest.raises(AppError, match=r"db has no build section\nname one service: api, web"):
        made(folder, service="db")
    assert made(folder, "web").service == "web"
    with pytest.raises(AppError, match="services: api, web"):
        made(folder, "wbe")


def test_what_compose_cannot_read(project):
    folder = project(**{"compose.yaml": "services: {web: {build: {contxt: .}}}\n"})
    with pytest.raises(CommandFailed, match=r"Compose can't read its files[\s\S]*contxt"):
        made(folder, service="web")


def test_dollar_signs_are_kept(project):
    folder = project(
        **{
            "compose.yaml": "services: {web: {build: {context: ., args: {A: '$${B} %{c}'}, dockerfile_inline: 'FROM $${D}'}}}\n"
        }
    )
    found = made(folder, service="web")
    assert (found.args, found.dockerfile.strip()) == ({"A": "${B} %{c}"}, "FROM ${D}")
    assert built(folder, found)["args"] == found.args
    again = made(folder, service="web", options=["--set=web.args.E=$${F} ${G}", "--set=*.target=x"])
    assert (again.args, again.target) == ({"A": "${B} %{c}", "E": "$${F} ${G}"}, "x")


def built(folder, found):
    """What bake makes of a plan."""
    with App.at(folder) as app:
        return changed(app, Plan.read(found.plan), found.service, ["--set=*.pull=false"]).targets[found.service]


@pytest.mark.parametrize("sign", ["$$", "%"])
def test_no_expression_gets_past_what_was_read(project, sign):
    """Compose doesn't escape every text, so bake would evaluate some, and build another folder than the one we looked at."""
    expression = f"{sign}{{if true}}..{sign}{{endif}}" if sign == "%" else f'{sign}{{join("", [".", "."])}}'
    inside = expression.replace("$$", "$")
    folder = project(**{f"{inside}/theirs/Dockerfile": "FROM scratch\n"})
    (folder / "compose.yaml").write_text(f"services: {{web: {{build: {{context: '{expression}/theirs'}}}}}}\n")
    found = made(folder, service="web")
    assert found.folders == {"context": folder / inside / "theirs"}
    assert built(folder, found)["context"] == str(folder / inside / "theirs")


def test_a_push_is_all_that_comes_of_a_service(project):
    folder = written(project, **{"compose.yaml": "services: {web: {image: localhost:5/a, build: .}}\n"})
    with App.at(folder) as app:
        found = resolve(app, "", service="web", options=["--push"])
        told = changed(app, Plan.read(found.plan), "web", ["--push"]).targets["web"]
    assert told["output"] == [{"type": "image", "push": "true"}]


def test_a_service_with_a_dot(project):
    folder = written(project, **{"compose.yaml": "services: {my.web: {build: .}}\n"})
    found = made(folder, service="my.web")
    assert (found.variant, found.service) == ("my.web", "my_web")


# -- bake --------------------------------------------------------------------------------------------------------------

BAKE = """
variable "MODE" { default = "one" }
group "default" { targets = ["app", "db"] }
target "app" {
  context = "."
  args = { MODE = MODE }
  target = "dev"
}
target "db" { dockerfile-inline = "FROM scratch" }
target "many" {
  name = "many-${v}"
  matrix = { v = ["a", "b"] }
  args = { MODE = v }
}
"""


def test_a_target_of_a_bake_file(project, monkeypatch):
    folder = written(project, **{"docker-bake.hcl": BAKE})
    found = made(folder, service="app")
    assert (found.variant, found.service, found.file, found.target) == ("app", "app", "Dockerfile", "dev")
    assert (found.args, found.contexts) == ({"MODE": "one"}, {"context": "."})
    assert made(folder, "docker-bake.hcl", service="many-b").args == {"MODE": "b"}
    monkeypatch.setenv("MODE", "two")
    assert made(folder, "app").args == {"MODE": "two"}
    (folder / "docker-bake.override.json").write_text('{"target": {"app": {"args": {"MODE": "three"}}}}')
    assert made(folder, service="app").args == {"MODE": "three"}
    assert made(folder, "docker-bake.hcl", service="app").args == {"MODE": "two"}
    options = ["--file", "docker-bake.override.json"]
    assert made(folder, "docker-bake.hcl", service="app", options=options).args == {"MODE": "three"}
    with App.at(folder) as app:
        assert variants(app) == ["Dockerfile", "app", "db", "many-a", "many-b"]


def test_groups_and_matrices_say_what_they_build(project):
    folder = project(**{"docker-bake.hcl": BAKE})
    for group, members in {"default": "app, db", "many": "many-a, many-b"}.items():
        with pytest.raises(AppError, match=f"{group} is a group\nname one target: {members}"):
            made(folder, service=group)
    with pytest.raises(AppError, match="builds app, db\nname one"):
        made(folder)
    with pytest.raises(AppError, match="no target 'nobody'\nthere are: app, db, many-a, many-b"):
        made(folder, service="nobody")


def test_the_default_target_needs_no_name(project):
    folder = written(project, **{"docker-bake.hcl": 'target "default" {\n  args = { MODE = "x" }\n}\ntarget "b" {}\n'})
    assert made(folder, "docker-bake.hcl").args == {"MODE": "x"}
    (folder / "Dockerfile").rename(folder / "Dockerfile.main")
    (folder / "docker-bake.hcl").write_text('target "default" {\n  dockerfile = "Dockerfile.main"\n}\ntarget "b" {}\n')
    assert made(folder).file == "Dockerfile.main"


def test_compose_files_are_compose_s_and_bake_files_bake_s(project):
    """They read one file differently: of two files, Compose resolves paths from the first one's folder (compose #13724)."""
    folder = project(
        **{
            "deploy/compose.yaml": "services: {web: {build: {context: .}}}\n",
            "deploy/Dockerfile": "FROM scratch AS inside\n",
            "Dockerfile": "FROM scratch AS outside\n",
            "docker-bake.hcl": 'target "web" {\n  context = "."\n}\n',
        }
    )
    assert made(folder, "deploy/compose.yaml", service="web").dockerfile == "FROM scratch AS inside\n"
    assert made(folder, "docker-bake.hcl", service="web").dockerfile == "FROM scratch AS outside\n"
