// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods with a user namespace.
#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"
#include "tests/e2e/pod_test.h"
#include "tests/e2e/stream_client.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;

class UserNamespaces : public PodTest {
 protected:
  void SetUp() override {
    if (!KernelMapsLayers()) GTEST_SKIP() << "needs Linux 6.13";
  }
  std::string RunInside(const std::function<void(v1::PodSandboxConfig&, v1::ContainerConfig&)>& change = {}) {
    return RunIdle([&](v1::PodSandboxConfig& pod, v1::ContainerConfig& config) {
      AddUserNamespace(pod);
      if (change) change(pod, config);
    });
  }

  static uid_t OwnerOf(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(lstat(path.c_str(), &st), 0) << path;
    return st.st_uid;
  }
};

TEST_F(UserNamespaces, AnImageLooksTheSameInside) {
  std::string container = RunInside();

  EXPECT_EQ(Shell(container,
                  "id -u; stat -c '%u %g' / /bin/sh /etc/hosts /etc/resolv.conf /etc/hostname | "
                  "sort -u; tr -s ' ' < /proc/1/uid_map"),
            "0\n0 0\n 0 300000 65536");
}

TEST_F(UserNamespaces, TheImagesFilesCanBeChangedAndAreTheMappedUsersOnTheHost) {
  std::string container = RunInside();

  EXPECT_EQ(Shell(container,
                  "touch /new && chown 1000:1000 /etc/passwd && rm /etc/group && mkdir -p /a/b && "
                  "stat -c %u /new /etc/passwd /a/b"),
            "0\n1000\n0");
  std::string upper = instance().directory() + "/root/snapshots/containers/" + container + "/upper";
  EXPECT_EQ(OwnerOf(upper), kFirstMappedId);
  EXPECT_EQ(OwnerOf(upper + "/new"), kFirstMappedId);
  EXPECT_EQ(OwnerOf(upper + "/etc/passwd"), kFirstMappedId + 1000);
}

TEST_F(UserNamespaces, ContainersOfThePodShareItAndItsOtherNamespaces) {
  v1::PodSandboxConfig pod_config = PodConfig();
  AddUserNamespace(pod_config);
  std::string pod = RunPod(pod_config);
  std::string first = CreateAndStart(pod, pod_config, IdleConfig("first"));
  std::string second = CreateAndStart(pod, pod_config, IdleConfig("second"));

  std::string namespaces = "for n in user net ipc uts pid; do readlink /proc/self/ns/$n; done";
  EXPECT_EQ(Shell(first, namespaces), Shell(second, namespaces));
  // As root of another user namespace it would be nobody here.
  EXPECT_EQ(Shell(first, "echo shared > /dev/shm/note; awk '/^(Name|Uid)/ { print $2 }' /proc/1/status"),
            "davit-reaper\n0");
  EXPECT_EQ(Shell(second, "cat /dev/shm/note; hostname"), "shared\npod");
}

TEST_F(UserNamespaces, APortBelow1024CanBeServed) {
  v1::PodSandboxConfig pod_config = PodConfig();
  AddUserNamespace(pod_config);
  std::string pod = RunPod(pod_config);
  std::string server =
      CreateAndStart(pod, pod_config, ShellConfig("echo hello | nc -l -p 80; sleep 1000", "server"));
  std::string client = CreateAndStart(pod, pod_config, IdleConfig("client"));

  std::string answer;
  WaitUntil("the server listens", [&] {
    answer = Exec(client, {"sh", "-c", "nc 127.0.0.1 80 </dev/null"}).out;
    return !answer.empty();
  });
  EXPECT_EQ(answer, "hello\n");
}

TEST_F(UserNamespaces, PortsAreForwarded) {
  v1::PodSandboxConfig pod_config = PodConfig();
  AddUserNamespace(pod_config);
  std::string pod = RunPod(pod_config);
  std::string server = CreateAndStart(
      pod, pod_config, ShellConfig("while true; do echo from inside | nc -l -p 8080; done", "server"));
  WaitUntil("the server listens", [&] {
    return Exec(server, {"grep", "-q", ":1F90 ", "/proc/net/tcp", "/proc/net/tcp6"}).exit_code == 0;
  });
  v1::PortForwardRequest request;
  request.set_pod_sandbox_id(pod);
  request.add_port(8080);

  StreamClient client(Must(cri().Ask(&RuntimeStub::PortForward, request)).url(), "v4.channel.k8s.io");

  ASSERT_EQ(client.status(), 101);
  EXPECT_THAT(client.ReadUntil("from inside"), HasSubstr("from inside"));
}

TEST_F(UserNamespaces, SysctlsOfThePodAreSet) {
  std::string container = RunInside([](v1::PodSandboxConfig& pod, auto&) {
    (*pod.mutable_linux()->mutable_sysctls())["net.ipv4.ping_group_range"] = "0 2147483647";
    (*pod.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "7";
    (*pod.mutable_linux()->mutable_sysctls())["kernel.shm_rmid_forced"] = "1";
    (*pod.mutable_linux()->mutable_sysctls())["kernel.domainname"] = "example";
  });

  EXPECT_EQ(Shell(container,
                  "cd /proc/sys; tr '\\t' ' ' < net/ipv4/ping_group_range; cat "
                  "net/ipv4/ip_unprivileged_port_start kernel/shm_rmid_forced kernel/domainname"),
            "0 65535\n7\n1\nexample");
}

TEST_F(UserNamespaces, AVolumeOfTheKubeletIsIdmapped) {
  std::string volume = instance().directory() + "/volume";
  std::filesystem::create_directory(volume);
  std::string container = RunInside([&](auto&, v1::ContainerConfig& config) {
    v1::Mount& mount = *config.add_mounts();
    mount.set_host_path(volume);
    mount.set_container_path("/volume");
    MapIds(*mount.mutable_uidmappings());
    MapIds(*mount.mutable_gidmappings());
  });

  EXPECT_EQ(Shell(container, "touch /volume/file && stat -c %u /volume /volume/file"), "0\n0");
  EXPECT_EQ(OwnerOf(volume + "/file"), 0U);
}

TEST_F(UserNamespaces, MayHaveTheHostsNetwork) {
  std::string container = RunInside([](v1::PodSandboxConfig& pod, auto&) {
    pod.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(v1::NODE);
  });
  char host[64] = {};
  ASSERT_GT(readlink("/proc/self/ns/net", host, sizeof host - 1), 0);

  EXPECT_EQ(Shell(container, "readlink /proc/self/ns/net; test -d /sys/class/net/lo && id -u"),
            std::string(host) + "\n0");
}

using UserNamespacesInTheStatus = PodTest;

TEST_F(UserNamespacesInTheStatus, AreThereIfTheyWork) {
  v1::StatusResponse status = Must(cri().Ask(&RuntimeStub::Status, v1::StatusRequest()));

  EXPECT_EQ(status.runtime_handlers(0).features().user_namespaces(), KernelMapsLayers());
  EXPECT_EQ(status.features().user_namespaces_host_network(), KernelMapsLayers());
}

class UserNamespacesAndCrashes : public OwnInstanceTest {
 protected:
  void SetUp() override {
    if (!KernelMapsLayers()) GTEST_SKIP() << "needs Linux 6.13";
  }
};

TEST_F(UserNamespacesAndCrashes, ARestartedDaemonStartsContainersInTheNamespace) {
  v1::PodSandboxConfig pod_config = PodConfig();
  AddUserNamespace(pod_config);
  std::string pod = RunPod(pod_config);
  std::string before = CreateAndStart(pod, pod_config, IdleConfig("before"));
  instance().Kill();
  instance().Restart();
  Reconnect();
  std::string after = CreateAndStart(pod, pod_config, IdleConfig("after"));

  EXPECT_EQ(Shell(after, "readlink /proc/self/ns/user; id -u"),
            Shell(before, "readlink /proc/self/ns/user; id -u"));
}

}  // namespace
}  // namespace davit::e2e
