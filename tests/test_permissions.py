"""What a Compose or bake file asks for beyond its project: found in the plan, allowed as bake spells it, else refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.project import permissions
from layerlab.project.permissions import PermissionNeeded, project_root, strays, wishes_of
from layerlab.project.plan import ESCAPES, Plan
from layerlab.project.variant import Variant


@pytest.fixture
def project(tmp_path):
    """A folder with a project in it, and things beside it that aren't the project's."""
    folder = tmp_path / "project"
    (folder / "api").mkdir(parents=True)
    (folder / "api" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "token").write_text("ours")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "token").write_text("theirs")
    (folder / "link").symlink_to(tmp_path / "beside")
    (folder / "token-link").symlink_to(tmp_path / "beside" / "token")
    (folder / "inner-link").symlink_to("api")
    return folder


def wishes(project, target):
    plan = Plan.read(json.dumps({"target": {"web": {"context": ".", **target}}}))
    return [wish.flag.removeprefix("--allow=") for wish in wishes_of(plan, project, project)]


BESIDE = [
    # A target's fields, and what they ask for; "BESIDE" is the folder beside the project.
    ({"context": "../beside"}, ["fs.read=BESIDE"]),
    ({"context": "BESIDE"}, ["fs.read=BESIDE"]),
    ({"context": "cwd://../beside"}, ["fs.read=BESIDE"]),
    ({"context": "link"}, ["fs.read=BESIDE"]),
    ({"context": "api/../link"}, ["fs.read=BESIDE"]),
    ({"contexts": {"shared": "../beside"}}, ["fs.read=BESIDE"]),
    ({"contexts": {"shared": "link"}}, ["fs.read=BESIDE"]),
    ({"contexts": {"shared": "oci-layout://BESIDE:latest"}}, ["fs.read=BESIDE"]),
    ({"contexts": {"shared": "oci-layout://BESIDE@sha256:00"}}, ["fs.read=BESIDE"]),
    ({"dockerfile": "../beside/token"}, ["fs.read=BESIDE/token"]),
    ({"dockerfile": "BESIDE/token"}, ["fs.read=BESIDE/token"]),
    ({"dockerfile": "token-link"}, ["fs.read=BESIDE/token"]),
    ({"context": "https://example.com/a.git", "dockerfile": "BESIDE/token"}, ["fs.read=BESIDE/token"]),
    ({"secret": ["id=a,src=../beside/token"]}, ["fs.read=BESIDE/token"]),
    ({"secret": ["id=a,type=file,source=BESIDE/token"]}, ["fs.read=BESIDE/token"]),
    ({"secret": ["id=a,src=token-link"]}, ["fs.read=BESIDE/token"]),
    ({"secret": ["id=BESIDE/token"]}, ["fs.read=BESIDE/token"]),
    ({"secret": [{"id": "a", "src": "../beside/token"}]}, ["fs.read=BESIDE/token"]),
    ({"secret": [{"id": "a", "src": "../beside/token", "env": "A"}]}, ["fs.read=BESIDE/token"]),
    ({"secret": [{"id": "../beside/token"}]}, ["fs.read=BESIDE/token"]),
    ({"ssh": ["default"]}, ["ssh"]),
    ({"ssh": ["default="]}, ["ssh"]),
    ({"ssh": [{"id": "default"}]}, ["ssh"]),
    ({"ssh": ["key=BESIDE/token"]}, ["fs.read=BESIDE/token"]),
    ({"ssh": [{"id": "key", "paths": ["token", "BESIDE/token"]}]}, ["fs.read=BESIDE/token"]),
    ({"context": "git@example.com:a/b.git"}, ["ssh"]),
    ({"context": "ssh://git@example.com/a/b.git"}, ["ssh"]),
    ({"cache-from": ["type=local,src=../beside"]}, ["fs.read=BESIDE"]),
    ({"cache-to": [{"type": "local", "dest": "../beside"}]}, ["fs.write=BESIDE"]),
    ({"output": ["type=local,dest=../beside"]}, ["fs.write=BESIDE"]),
    ({"output": [{"type": "tar", "dest": "../beside/a.tar"}]}, ["fs.write=BESIDE/a.tar"]),
    ({"output": ["../beside"]}, ["fs.write=BESIDE"]),
    ({"network": "host"}, ["network.host"]),
    ({"entitlements": ["network.host", "security.insecure"]}, ["network.host", "security.insecure"]),
    ({"entitlements": ["security.insecure", "security.insecure"]}, ["security.insecure"]),
    ({"entitlements": ["device=vendor.com/gpu=all,required"]}, ["device=vendor.com/gpu=all"]),
    ({"context": "../beside", "dockerfile": "token", "network": "host"}, ["fs.read=BESIDE", "network.host"]),
]


@pytest.mark.parametrize(("target", "asked"), BESIDE, ids=lambda value: json.dumps(value)[:60])
def test_what_is_beyond_the_project_is_asked_for_and_its_own_flag_allows_it(project, tmp_path, target, asked):
    target = json.loads(json.dumps(target).replace("BESIDE", str(tmp_path / "beside")))
    asked = [flag.replace("BESIDE", str(tmp_path / "beside")) for flag in asked]
    assert wishes(project, target) == asked
    plan = Plan.read(json.dumps({"target": {"web": {"context": ".", **target}}}))
    found = wishes_of(plan, project, project)
    with pytest.raises(PermissionNeeded) as refused:
        permissions.check("web", found, ["--allow=fs.read=/nowhere", "--allow=device=other"], project)
    for flag in asked:
        assert f"--allow={flag}" in refused.value.remedy
    permissions.check("web", found, [f"--allow={flag}" for flag in asked], project)
    permissions.check("web", found, [word for flag in asked for word in ("--allow", flag)], project)
    for left in range(len(asked)):
        with pytest.raises(PermissionNeeded):
            permissions.check("web", found, [f"--allow={f}" for i, f in enumerate(asked) if i != left], project)


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"context": "api", "dockerfile": "../api/Dockerfile"},
        {"context": "inner-link"},
        {"contexts": {"base": "docker-image://python", "other": "target:api", "net": "https://example.com/a.tar"}},
        {"context": "https://example.com/a.git", "dockerfile": "sub/Dockerfile"},
        {"context": "https://example.com/a.git#main:sub"},
        {"secret": ["id=a,src=token", "id=HOME", "type=env,id=b,env=HOME", "type=env,id=b,src=HOME", "id=token"]},
        {"secret": [{"id": "a", "src": "token"}, {"id": "a", "env": "HOME"}]},
        {"ssh": ["key=token"]},
        {"cache-from": ["type=registry,ref=a/b", "a/b"], "cache-to": ["type=inline", "type=local,dest=cache"]},
        {"output": ["type=docker", "type=image,name=a", "type=tar,dest=-", "type=local,dest=out"]},
        {"network": "none", "no-cache": True, "labels": {"a": "b"}, "platforms": ["linux/amd64"]},
        {"dockerfile-inline": "FROM scratch", "dockerfile": "../beside/token"},  # nobody reads it
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_project_is_never_asked_about_what_is_its_own(project, target):
    assert wishes(project, target) == []


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_an_ignore_file_that_is_a_link_leads_out_too(project, tmp_path, name):
    (project / name).symlink_to(tmp_path / "beside" / "token")
    assert wishes(project, {}) == [f"fs.read={tmp_path}/beside/token"]
    assert [wish.path for wish in strays(project, Variant("a", "Dockerfile").read, project)] == [
        f"{tmp_path}/beside/token"
    ]


def test_a_folder_with_the_name_of_an_address_is_a_folder(project, tmp_path):
    (project / "https:").symlink_to(tmp_path)
    assert wishes(project, {"context": "https://beside"}) == [f"fs.read={tmp_path}/beside"]


def test_a_target_that_another_one_needs_counts_too(project, tmp_path):
    targets = {"web": {"contexts": {"api": "target:api"}}, "api": {"context": "../beside"}}
    found = wishes_of(Plan.read(json.dumps({"target": targets})), project, project)
    assert [wish.why for wish in found] == [f"api: its context is {tmp_path}/beside"]


def test_more_than_one_path_may_be_allowed_at_once(project, tmp_path):
    plan = Plan.read(json.dumps({"target": {"web": {"context": "../beside", "cache-to": ["type=local,dest=../new"]}}}))
    found = wishes_of(plan, project, project)
    for enough in (
        ["fs=*"],
        ["fs=.."],
        [f"fs={tmp_path}"],
        ["fs.read=*", "fs.write=../new"],
        ["fs=../beside", "fs=../new"],
    ):
        permissions.check("web", found, [f"--allow={word}" for word in enough], project)
    for wrong in (
        ["fs.read=*"],
        ["fs.write=*"],
        ["fs.read=../besid", "fs.write=*"],
        ["network.host"],
        ["fs"],
        ["*"],
        ["fs="],
    ):
        with pytest.raises(PermissionNeeded):
            permissions.check("web", found, [f"--allow={word}" for word in wrong], project)


# -- a plain build -----------------------------------------------------------------------------------------------------


def test_a_dockerfile_that_leads_out_is_asked_for_but_one_that_the_user_names_is_not(project, tmp_path):
    for own in ("api/Dockerfile", str(tmp_path / "beside" / "token"), "../beside/token"):
        assert strays(project, [own], project) == []
    (asked,) = strays(project, ["token-link"], project)
    assert asked.flag == f"--allow=fs.read={tmp_path}/beside/token"


@pytest.mark.parametrize("name", [".env", "compose.yaml", "docker-compose.override.yml", "sub/.env", "sub/dev.yaml"])
def test_a_file_of_compose_that_is_a_link_leads_out_too(project, tmp_path, name):
    (project / "sub").mkdir()
    (project / name).symlink_to(tmp_path / "beside" / "token")
    found = Variant("web", service="web") if name[0] != "s" else Variant("web", compose="sub/dev.yaml", service="web")
    assert [wish.path for wish in strays(project, found.read, project)] == [f"{tmp_path}/beside/token"]


# -- what is the project's own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("checkout", ["folder", "file"])
def test_the_project_is_the_git_checkout_around_it(project, tmp_path, checkout):
    assert project_root(project / "api") == project / "api"
    (tmp_path / ".git").mkdir() if checkout == "folder" else (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert project_root(project / "api") == tmp_path
    (project / ".git").mkdir()  # a submodule, say
    assert project_root(project / "api") == project


def test_a_home_folder_that_is_a_checkout_is_no_project(project, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert project_root(project) == project
    monkeypatch.setenv("HOME", str(tmp_path / "beside"))
    assert project_root(project) == project
    monkeypatch.setenv("HOME", "/nonexistent")
    assert project_root(project) == tmp_path


def test_a_plan_without_anything_to_build():
    assert Plan.read("").targets == {}


@given(st.text(st.sampled_from("$%{}a"), max_size=8))
def test_a_plan_gives_texts_back_as_they_were_meant(text):
    escaped = text
    for sign, written in ESCAPES.items():
        escaped = escaped.replace(sign, written)
    plan = Plan.read(json.dumps({"target": {"web": {"args": {"A": escaped}}}}))
    assert plan.targets["web"]["args"]["A"] == text
    assert json.loads(plan.text)["target"]["web"]["args"]["A"] == escaped
    assert Plan.read(plan.text) == plan


def test_groups_are_followed_to_their_targets():
    plan = Plan.read(
        json.dumps(
            {
                "group": {
                    "default": {"targets": ["a", "m"]},
                    "m": {"targets": ["m-1", "m-2"]},
                    "a": {"targets": ["a"]},
                },
                "target": {"a": {}, "m-1": {}, "m-2": {}},
            }
        )
    )
    assert plan.leaves("default") == ["a", "m-1", "m-2"]
    assert (plan.leaves("m"), plan.leaves("a"), plan.leaves("m-1")) == (["m-1", "m-2"], ["a"], ["m-1"])
    assert plan.leaves("nobody") == []
