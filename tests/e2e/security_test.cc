// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Security contexts, seen from inside the container.

#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// The capabilities that a container has when nobody asks for others, as /proc/PID/status shows them.
constexpr char kDefaultCapabilities[] = "00000000a80425fb";

class Security : public PodTest {
 protected:
  using Change = std::function<void(v1::LinuxContainerSecurityContext&)>;

  std::string RunWith(const Change& change) {
    return RunIdle([&](auto&, v1::ContainerConfig& config) {
      change(*config.mutable_linux()->mutable_security_context());
    });
  }

  std::string RunPrivileged() {
    return RunIdle([](v1::PodSandboxConfig& pod, v1::ContainerConfig& config) {
      pod.mutable_linux()->mutable_security_context()->set_privileged(true);
      config.mutable_linux()->mutable_security_context()->set_privileged(true);
    });
  }

  // One field of /proc/self/status of an exec: it gets what the container's own process has.
  std::string ProcessField(const std::string& container, const std::string& field) {
    return Shell(container, "awk '$1 == \"" + field + ":\" { print $2 }' /proc/self/status");
  }
};

TEST_F(Security, DefaultCapabilitiesAreTheUsualFourteen) {
  std::string container = RunWith([](auto&) {});

  for (const char* set : {"CapPrm", "CapEff", "CapBnd"})
    EXPECT_EQ(ProcessField(container, set), kDefaultCapabilities) << set;
  for (const char* set : {"CapInh", "CapAmb"})
    EXPECT_EQ(ProcessField(container, set), "0000000000000000") << set;
}

TEST_F(Security, CapabilitiesAreAddedAndDropped) {
  std::string none =
      RunWith([](auto& security) { security.mutable_capabilities()->add_drop_capabilities("ALL"); });
  std::string one = RunWith([](auto& security) {
    security.mutable_capabilities()->add_drop_capabilities("ALL");
    security.mutable_capabilities()->add_add_capabilities("NET_ADMIN");
  });

  EXPECT_EQ(ProcessField(none, "CapBnd"), "0000000000000000");
  EXPECT_EQ(ProcessField(one, "CapEff"), "0000000000001000");
}

TEST_F(Security, AUserWithoutRootHasNoEffectiveCapabilities) {
  std::string container = RunWith([](auto& security) { security.mutable_run_as_user()->set_value(1000); });

  EXPECT_EQ(ProcessField(container, "CapEff"), "0000000000000000");
}

TEST_F(Security, UserGroupAndSupplementalGroupsAreSet) {
  std::string container = RunWith([](auto& security) {
    security.mutable_run_as_user()->set_value(1234);
    security.mutable_run_as_group()->set_value(2345);
    security.add_supplemental_groups(3456);
  });

  EXPECT_EQ(Shell(container, "id -u; id -g; id -G"), "1234\n2345\n2345 3456");
}

TEST_F(Security, AUserNameIsLookedUpInTheImage) {
  std::string container = RunWith([](auto& security) { security.set_run_as_username("www-data"); });

  EXPECT_EQ(Shell(container, "id -u; id -g"), "33\n33");
}

TEST_F(Security, AUserNameThatTheImageDoesNotKnowFailsTheStart) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig config = IdleConfig();
  config.mutable_linux()->mutable_security_context()->set_run_as_username("nobody-here");
  v1::StartContainerRequest request;
  request.set_container_id(Create(RunPod(pod_config), pod_config, config));

  EXPECT_THAT(cri().Ask(&RuntimeStub::StartContainer, request),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "nobody-here: no such user"));
  v1::ContainerStatus status = StatusOf(request.container_id());
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_THAT(status.message(), HasSubstr("nobody-here"));
}

TEST_F(Security, AMaskOverTheAccountFilesHidesNamesAndNotNumbers) {
  auto with_masks = [](v1::LinuxContainerSecurityContext& security) {
    security.add_masked_paths("/etc/passwd");
    security.add_masked_paths("/etc/group");
  };
  std::string container = RunWith([&](auto& security) {
    with_masks(security);
    security.mutable_run_as_user()->set_value(33);
    security.add_supplemental_groups(44);
  });

  EXPECT_EQ(Shell(container, "id -u; id -G; echo $HOME"), "33\n0 44\n/");
  EXPECT_ANY_THROW(RunWith([&](auto& security) {
    with_masks(security);
    security.set_run_as_username("www-data");
  }));
}

TEST_F(Security, AReadOnlyRootFileSystemIsReadOnly) {
  std::string container = RunWith([](auto& security) { security.set_readonly_rootfs(true); });

  EXPECT_THAT(Exec(container, {"touch", "/file"}).err, HasSubstr("Read-only file system"));
  EXPECT_EQ(Shell(container, "touch /dev/shm/file && echo written"), "written");
}

TEST_F(Security, TheRuntimeDefaultProfileFilters) {
  std::string container = RunWith([](auto& security) {
    security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  });

  EXPECT_EQ(ProcessField(container, "Seccomp"), "2");
  EXPECT_THAT(Exec(container, {"unshare", "-U", "true"}).err, HasSubstr("Operation not permitted"));
}

TEST_F(Security, UnconfinedDoesNotFilter) {
  std::string container = RunWith(
      [](auto& security) { security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::Unconfined); });

  EXPECT_EQ(ProcessField(container, "Seccomp"), "0");
}

TEST_F(Security, LimitsOfTheDaemonReachNeitherContainersNorExecs) {
  // Where the host does not let limits be raised, the hard one is the daemon's and so this program's.
  rlimit own{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &own), 0);
  const std::string lowered = "1024\n" + std::to_string(std::min<rlim_t>(own.rlim_max, 524288)) + "\n";
  const std::string script = "ulimit -Sn; ulimit -Hn";

  EXPECT_THAT(LogOf(RunToEnd(ShellConfig(script)).id()), AnyOf("1024\n524288\n", lowered));
  EXPECT_THAT(Exec(RunIdle(), {"sh", "-c", script}).out, AnyOf("1024\n524288\n", lowered));
}

TEST_F(Security, NoNewPrivilegesHolds) {
  auto effective_uid = [&](bool no_new_privileges) {
    v1::ContainerConfig config = ContainerConfig({}, "setuid", kSetuid);
    config.mutable_linux()->mutable_security_context()->mutable_run_as_user()->set_value(1000);
    config.mutable_linux()->mutable_security_context()->set_no_new_privs(no_new_privileges);
    return LogOf(RunToEnd(config).id());
  };

  EXPECT_EQ(effective_uid(true), "Effective uid: 1000\n");
  EXPECT_EQ(effective_uid(false), "Effective uid: 0\n");
}

TEST_F(Security, MaskedAndReadOnlyPathsAreWhatTheirNamesSay) {
  std::string container = RunWith([](auto& security) {
    security.add_masked_paths("/etc/resolv.conf");
    security.add_masked_paths("/var/www");
    security.add_readonly_paths("/home");
  });

  EXPECT_EQ(Shell(container, "cat /etc/resolv.conf"), "");
  EXPECT_THAT(Exec(container, {"touch", "/var/www/file"}).err, HasSubstr("Read-only file system"));
  EXPECT_THAT(Exec(container, {"touch", "/home/file"}).err, HasSubstr("Read-only file system"));
}

TEST_F(Security, CgroupsAreReadOnlyInside) {
  std::string container = RunWith([](auto&) {});

  EXPECT_EQ(Shell(container,
                  "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/child && echo made; "
                  "echo $$ > $d/cgroup.procs && echo written; done 2> /dev/null; true"),
            "");
}

TEST_F(Security, AProcessSeesThreeDescriptorsAndNoForeignDirectory) {
  // A child looks at the shell: the program that lists a directory has it open itself.
  const std::string look = "ls /proc/$$/fd; readlink /proc/$$/cwd";

  EXPECT_EQ(LogOf(RunToEnd(ShellConfig(look + "; true")).id()), "0\n1\n2\n/\n");
  EXPECT_EQ(Shell(RunIdle(), look + "; true"), "0\n1\n2\n/");
}

TEST_F(Security, AWorkingDirectoryThroughADescriptorOfTheRuntimeIsRefused) {
  for (int fd = 3; fd <= 12; ++fd) {
    v1::PodSandboxConfig pod_config = PodConfig();
    v1::ContainerConfig config = IdleConfig();
    config.set_working_dir("/proc/self/fd/" + std::to_string(fd));
    std::string pod = RunPod(pod_config);
    EXPECT_ANY_THROW(CreateAndStart(pod, pod_config, config)) << fd;
  }
}

// While the sources of mounts are opened, somebody has the host's root.
TEST_F(Security, ASiblingThatMayTraceNeverSeesTheHostsRoot) {
  const std::string secret = instance().directory() + "/secret";
  std::ofstream(secret) << "secret";
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig tracer = ShellConfig("while true; do for p in /proc/[0-9]*; do test -e $p/root" +
                                           secret + " && echo seen; done; done");
  tracer.mutable_linux()->mutable_security_context()->mutable_capabilities()->add_add_capabilities(
      "SYS_PTRACE");
  std::string pod = RunPod(pod_config);
  std::string container = CreateAndStart(pod, pod_config, tracer);

  for (int i = 0; i < 50; ++i)
    CreateAndStart(pod, pod_config, ContainerConfig({"true"}, "sibling-" + std::to_string(i)));

  EXPECT_EQ(LogOf(container), "");
}

TEST_F(Security, APrivilegedContainerHasAllCapabilitiesAndTheHostsDevices) {
  std::string container = RunPrivileged();

  EXPECT_EQ(ProcessField(container, "Seccomp"), "0");
  EXPECT_EQ(ProcessField(container, "CapEff"), ProcessField(container, "CapBnd"));
  EXPECT_NE(ProcessField(container, "CapEff"), kDefaultCapabilities);
  EXPECT_EQ(Shell(container, "mkdir /mnt && mount -t tmpfs none /mnt && echo mounted"), "mounted");
}

TEST_F(Security, DevicesOutsideTheListAreRefused) {
  std::string container = RunWith([](auto&) {});

  // mknod is allowed (CAP_MKNOD); opening what it makes is not.
  EXPECT_THAT(Exec(container, {"sh", "-c", "mknod /tmp/mem c 1 1 && cat /tmp/mem"}).err,
              HasSubstr("Operation not permitted"));
  EXPECT_EQ(Shell(container, "head -c 1 /dev/zero | wc -c"), "1");
}

TEST_F(Security, DevHasTheUsualNodesAndNothingElse) {
  std::string container = RunWith([](auto&) {});

  EXPECT_EQ(Shell(container, "ls /dev | grep -v '^core$' | tr '\\n' ' '"),
            "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ");
}

}  // namespace
}  // namespace davit::e2e
