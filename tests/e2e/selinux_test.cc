// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// SELinux, as a container's own processes see it. What needs a host with SELinux is run by tests/v2host.

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/selinux_attribute.h"
#include "tests/e2e/secured_container_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kLabel[] = "tr -d '\\000' < /proc/self/attr/current";
// What the policy gives containers, with two categories.
constexpr char kConfined[] = "system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+";

bool HostHasSeLinux() {
  return access("/sys/fs/selinux/enforce", R_OK) == 0;
}

std::string ContextOf(const std::string& path) {
  char value[256] = "";
  ssize_t size = lgetxattr(path.c_str(), kSeLinuxAttribute, value, sizeof value);
  return size > 0 ? std::string(value) : "";
}

std::string LevelOf(const std::string& context) {
  size_t at = 0;
  for (int colons = 0; colons < 3; ++colons) at = context.find(':', at) + 1;
  return context.substr(at);
}

class SeLinuxTest : public SecuredContainerTest {
 protected:
  static Change AskForType(const std::string& type) {
    return [type](auto& security) { security.mutable_selinux_options()->set_type(type); };
  }
  static Change AskForLevel(const std::string& level) {
    return [level](auto& security) { security.mutable_selinux_options()->set_level(level); };
  }
  // Of a container in a pod of its own.
  std::string LabelOf(const Change& change,
                      const std::function<void(v1::PodSandboxConfig&)>& change_pod = {}) {
    std::string label = LogOf(RunToEnd(Config(kLabel, change), change_pod).id());
    return label.substr(0, label.find('\n'));
  }
  std::string FilesContextOf(const std::string& container) {
    return "system_u:object_r:container_file_t:" + LevelOf(Shell(container, kLabel));
  }
  // The container's first process, as the host sees it.
  std::string InitOf(const std::string& container) {
    v1::ContainerStatusRequest request;
    request.set_container_id(container);
    request.set_verbose(true);
    auto info = Must(cri().Ask(&RuntimeStub::ContainerStatus, request)).info();
    return "/proc/" + nlohmann::json::parse(info.at("info"))["pid"].dump();
  }
  std::string LabelOfInit(const std::string& container) {
    return ReadFile(InitOf(container) + "/attr/current").value_or("").c_str();  // without its NUL
  }
  // A directory such as the kubelet has for the pod's volumes, with one file.
  std::string MakeVolume(const v1::PodSandboxConfig& pod) {
    std::string volume = instance().directory() + "/kubelet/pods/" + pod.metadata().uid() + "/volumes/data";
    std::filesystem::create_directories(volume);
    std::ofstream(volume + "/file") << "text";
    return volume;
  }
  static void AddVolume(v1::ContainerConfig& config, const std::string& path, bool relabel) {
    v1::Mount& mount = *config.add_mounts();
    mount.set_host_path(path);
    mount.set_container_path("/data");
    mount.set_selinux_relabel(relabel);
  }
};

class WithSeLinux : public SeLinuxTest {
 protected:
  void SetUp() override {
    if (!HostHasSeLinux()) GTEST_SKIP() << "this host has no SELinux";
  }
};

class WithoutSeLinux : public SeLinuxTest {
 protected:
  void SetUp() override {
    if (HostHasSeLinux()) GTEST_SKIP() << "this host has SELinux";
  }
};

TEST_F(WithSeLinux, ConfinesContainersAndExecs) {
  EXPECT_THAT(LabelOf([](auto&) {}), MatchesRegex(kConfined));
  EXPECT_THAT(LabelOf([](auto& security) { security.set_no_new_privs(true); }), MatchesRegex(kConfined));
  std::string container = RunIdle();
  std::string label = Shell(container, kLabel);
  EXPECT_THAT(label, MatchesRegex(kConfined));
  EXPECT_EQ(LabelOfInit(container), label);
}

TEST_F(WithSeLinux, PodsHaveLevelsOfTheirOwnAndContainersTheirPods) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string first = CreateAndStart(pod, pod_config, IdleConfig("first"));
  std::string second = CreateAndStart(pod, pod_config, IdleConfig("second"));
  EXPECT_EQ(Shell(first, kLabel), Shell(second, kLabel));
  EXPECT_NE(Shell(first, kLabel), Shell(RunIdle(), kLabel));
}

TEST_F(WithSeLinux, TheContextIsTheSameInEveryKindOfPidNamespace) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string target;
  for (v1::NamespaceMode mode : {v1::CONTAINER, v1::POD, v1::TARGET}) {
    v1::ContainerConfig config = IdleConfig(v1::NamespaceMode_Name(mode));
    auto* options = config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    options->set_pid(mode);
    if (mode == v1::TARGET) options->set_target_id(target);
    std::string container = CreateAndStart(pod, pod_config, config);
    if (mode == v1::CONTAINER) target = container;
    EXPECT_THAT(Shell(container, kLabel), MatchesRegex(kConfined)) << v1::NamespaceMode_Name(mode);
  }
}

TEST_F(WithSeLinux, ThePartsThatAreAskedForTakeThePlaceOfThePolicys) {
  EXPECT_EQ(LabelOf(AskForLevel("s0:c7,c9")), "system_u:system_r:container_t:s0:c7,c9");
  EXPECT_THAT(LabelOf(AskForType("spc_t")), HasSubstr("system_u:system_r:spc_t:s0:c"));
  EXPECT_EQ(LabelOf([](auto&) {},
                    [](v1::PodSandboxConfig& pod) {
                      auto& security = *pod.mutable_linux()->mutable_security_context();
                      security.mutable_selinux_options()->set_level("s0:c3,c4");
                    }),
            "system_u:system_r:container_t:s0:c3,c4");
}

TEST_F(WithSeLinux, NobodyIsConfinedWhoIsAmongTheHosts) {
  EXPECT_THAT(LabelOf([](auto& security) { security.set_privileged(true); },
                      [](v1::PodSandboxConfig& pod) {
                        pod.mutable_linux()->mutable_security_context()->set_privileged(true);
                      }),
              Not(HasSubstr("container_t")));
  auto among_processes = [](auto& message) {
    auto& security = *message.mutable_linux()->mutable_security_context();
    security.mutable_namespace_options()->set_pid(v1::NODE);
  };
  std::string container = RunIdle([&](auto& pod, auto& config) {
    among_processes(pod);
    among_processes(config);
  });
  EXPECT_THAT(Shell(container, kLabel), Not(HasSubstr("container_t")));
}

TEST_F(WithSeLinux, EveryFilesystemOfTheContainersHasItsLabel) {
  std::string container = RunIdle();
  std::string files = FilesContextOf(container);
  Shell(container, "echo > /new; echo > /dev/shm/new");
  for (const char* path : {"/", "/bin/busybox", "/new", "/dev", "/dev/null", "/dev/shm", "/dev/shm/new",
                           "/dev/pts", "/dev/mqueue"}) {
    EXPECT_EQ(ContextOf(InitOf(container) + "/root" + path), files) << path;
  }
  EXPECT_THAT(Shell(container, "grep ' / / ' /proc/self/mountinfo"), HasSubstr("context=\"" + files + "\""));
}

TEST_F(WithSeLinux, ContainersReadAndWriteWhatIsTheirs) {
  std::string container = RunIdle();
  EXPECT_EQ(Shell(container,
                  "cat /etc/hosts /etc/hostname /etc/resolv.conf > /all; echo x > /etc/hosts; "
                  "echo a > /dev/shm/a; echo b > /dev/null; cat /dev/shm/a"),
            "a");
  EXPECT_EQ(Exec(container, {"sh", "-c", "sleep 100 & kill $!"}).exit_code, 0);
}

// What containers share has no categories, and is none's to change.
TEST_F(WithSeLinux, LayersAreNobodysFiles) {
  Shell(RunIdle(), "echo > /new; touch /bin/busybox; mkdir /dir; mv /new /dir/new");
  int entries = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(instance().directory() + "/root/snapshots/layers")) {
    EXPECT_EQ(ContextOf(entry.path()), "system_u:object_r:container_ro_file_t:s0") << entry.path();
    ++entries;
  }
  EXPECT_GT(entries, 0);
}

TEST_F(WithSeLinux, TheStatusShowsTheLabels) {
  std::string container = RunIdle();
  v1::ContainerStatusRequest request;
  request.set_container_id(container);
  request.set_verbose(true);

  std::string info = Must(cri().Ask(&RuntimeStub::ContainerStatus, request)).info().at("info");

  std::string label = Shell(container, kLabel);
  EXPECT_THAT(info, HasSubstr("\"selinuxLabel\":\"" + label + "\""));
  EXPECT_THAT(info,
              HasSubstr("\"mountLabel\":\"system_u:object_r:container_file_t:" + LevelOf(label) + "\""));
}

TEST_F(WithSeLinux, RelabelsAVolumeThatTheKubeletOwns) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string volume = MakeVolume(pod_config);
  v1::ContainerConfig config = IdleConfig();
  AddVolume(config, volume, /*relabel=*/true);
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
  std::string files = FilesContextOf(container);
  EXPECT_EQ(ContextOf(volume), files);
  EXPECT_EQ(ContextOf(volume + "/file"), files);
  EXPECT_EQ(Shell(container, "echo > /data/new; cat /data/file"), "text");
  EXPECT_EQ(ContextOf(volume + "/new"), files);
}

TEST_F(WithSeLinux, LeavesAVolumeAloneThatIsNotToBeRelabelled) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string volume = MakeVolume(pod_config);
  std::string before = ContextOf(volume);
  v1::ContainerConfig config = IdleConfig();
  AddVolume(config, volume, /*relabel=*/false);
  CreateAndStart(RunPod(pod_config), pod_config, config);
  EXPECT_EQ(ContextOf(volume), before);
}

TEST_F(WithSeLinux, RefusesToRelabelTheHostsFiles) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string before = ContextOf("/etc");
  v1::ContainerConfig config = IdleConfig();
  AddVolume(config, "/etc", /*relabel=*/true);
  EXPECT_THAT(PodTest::TryCreate(RunPod(pod_config), pod_config, config),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "\"/etc\" cannot be relabelled"));
  EXPECT_EQ(ContextOf("/etc"), before);
}

TEST_F(WithSeLinux, AContextThatThePolicyDoesNotKnowIsNamed) {
  EXPECT_THAT(TryCreate(AskForType("nowhere_t")),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "system_u:system_r:nowhere_t:s0"));
  EXPECT_THAT(TryCreate(AskForLevel("s0,c1")), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "s0,c1"));
  EXPECT_THAT(TryCreate(AskForType("a:b")), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "a:b"));
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();
  request.mutable_config()->mutable_linux()->mutable_security_context()->mutable_selinux_options()->set_level(
      "s0:c9999");
  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "s0:c9999"));
}

// What only a kernel that enforces the policy shows.
TEST_F(WithSeLinux, AContainerReachesNeitherTheHostNorOtherPods) {
  if (ReadFile("/sys/fs/selinux/enforce").value_or("0") != "1")
    GTEST_SKIP() << "this host's SELinux is permissive";
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string volume = MakeVolume(pod_config);
  v1::ContainerConfig config = IdleConfig();
  AddVolume(config, volume, /*relabel=*/true);
  std::string owner = CreateAndStart(RunPod(pod_config), pod_config, config);
  EXPECT_EQ(Shell(owner, "cat /data/file"), "text");
  std::string other =
      RunIdle([&](auto&, v1::ContainerConfig& c) { AddVolume(c, volume, /*relabel=*/false); });
  EXPECT_NE(Exec(other, {"cat", "/data/file"}).exit_code, 0) << "another pod's volume";
  std::string curious =
      RunIdle([&](auto&, v1::ContainerConfig& c) { AddVolume(c, "/etc", /*relabel=*/false); });
  EXPECT_NE(Exec(curious, {"cat", "/data/shadow"}).exit_code, 0) << "the host's files";
}

class WithSeLinuxAndItsOwnDaemon : public OwnInstanceTest {
 protected:
  void SetUp() override {
    if (!HostHasSeLinux()) GTEST_SKIP() << "this host has no SELinux";
  }
};

TEST_F(WithSeLinuxAndItsOwnDaemon, LevelsOutliveTheDaemon) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string first = CreateAndStart(pod, pod_config, IdleConfig("first"));
  std::string label = Shell(first, kLabel);
  instance().Kill();
  instance().Restart();
  Reconnect();
  EXPECT_EQ(Shell(first, kLabel), label);
  EXPECT_EQ(Shell(CreateAndStart(pod, pod_config, IdleConfig("second")), kLabel), label);
  EXPECT_NE(Shell(RunIdle(), kLabel), label);
}

TEST_F(WithoutSeLinux, WhatIsAskedForIsIgnored) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string volume = MakeVolume(pod_config);
  v1::ContainerConfig config = Config("cat /data/file", [](auto& security) {
    security.mutable_selinux_options()->set_type("spc_t");
    security.mutable_selinux_options()->set_level("s0:c1,c2");
  });
  AddVolume(config, volume, /*relabel=*/true);
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
  EXPECT_EQ(WaitForExit(container).exit_code(), 0);
  EXPECT_THAT(ContextOf(volume), IsEmpty());
}

}  // namespace
}  // namespace davit::e2e
