// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/container_plan.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/codec.h"
#include "cri/spec/capabilities.h"
#include "cri/spec/oci_spec.h"
#include "cri/spec/sandbox_plan.h"
#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPrefix[] = "linux.security_context.";

// What a container is built from, with defaults that make a plan.
struct Request {
  std::string sandbox;    // rest of the sandbox's configuration
  std::string container;  // rest of the container's
  std::string uid = "u";
  images::ImageConfig image;
  HostFacts host;

  Request() {
    image.entrypoint = {"/app"};
    host.capabilities = (uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;
    host.can_lower_oom_score = true;
    host.devices_directory = "/does/not/exist";
  }
  Result<shim::ContainerPlan> Build() const {
    auto pod = Proto<v1::PodSandboxConfig>("metadata { name: 'web' namespace: 'default' uid: '" + uid +
                                           "' } hostname: 'web-0' " + sandbox);
    auto config = Proto<v1::ContainerConfig>("metadata { name: 'c' } " + container);
    return BuildContainerPlan(
        {pod, config, image, {"/r/hosts", "/r/resolv.conf", "/r/hostname"}, host, "cid", "s0:c1,c2", {}});
  }
};

std::string Context(const std::string& text) {
  return "linux { security_context { " + text + " } } ";
}
std::string Options(const std::string& text) {
  return Context("namespace_options { " + text + " }");
}

Result<shim::ContainerPlan> Plan(const std::string& container, const std::string& sandbox = "") {
  Request request;
  request.container = container;
  request.sandbox = sandbox;
  return request.Build();
}

TEST(ContainerPlan, IsCompleteForAContainerThatSaysNothing) {
  auto plan = Plan("");
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->container_id, "cid");
  EXPECT_EQ(plan->pid, shim::NamespaceUse::kPod);
  EXPECT_FALSE(plan->host_network || plan->host_ipc || plan->host_uts || plan->host_cgroup);
  EXPECT_FALSE(plan->read_only_root);
  EXPECT_EQ(plan->root_propagation, shim::Propagation::kPrivate);
  EXPECT_THAT(plan->devices, IsEmpty());
  EXPECT_FALSE(plan->all_devices);
  EXPECT_THAT(plan->masked_paths, Contains("/sys/devices/virtual/powercap"));
  EXPECT_THAT(plan->read_only_paths, Contains("/proc/sys"));
  EXPECT_FALSE(plan->stdin_open || plan->stdin_once);
  EXPECT_THAT(plan->process.args, ElementsAre("/app"));
  EXPECT_THAT(plan->process.env, Contains("HOSTNAME=web-0"));
  EXPECT_EQ(plan->process.cwd, "/");
  EXPECT_EQ(plan->process.capabilities.bounding, DefaultCapabilities());
  EXPECT_FALSE(plan->process.no_new_privileges || plan->process.terminal || plan->process.seccomp);
  EXPECT_EQ(plan->process.oom_score_adj, 0);
  EXPECT_THAT(plan->process.rlimits, IsEmpty());
}

TEST(ContainerPlan, HasTheLimitsOfTheDaemonsConfigurationAndSoHaveExecs) {
  Request request;
  request.host.rlimits = {{RLIMIT_NOFILE, 1024, 524288}, {RLIMIT_CORE, 0, 5}};
  auto plan = request.Build();
  ASSERT_TRUE(plan) << plan.error().ToString();
  ASSERT_EQ(plan->process.rlimits.size(), 2u);
  EXPECT_EQ(plan->process.rlimits[0].hard, 524288u);
  EXPECT_EQ(BuildExecPlan(plan->process, {"true"}, /*tty=*/false)->rlimits.size(), 2u);
}

TEST(ContainerPlan, SurvivesTheWire) {
  auto plan = Plan("tty: true " + Context("readonly_rootfs: true seccomp {} run_as_username: 'www'"));
  ASSERT_TRUE(plan);
  std::string bytes = Encode(*plan);
  auto back = Decode<shim::ContainerPlan>(bytes, "plan");
  ASSERT_TRUE(back);
  EXPECT_EQ(Encode(*back), bytes);
}

TEST(ContainerPlan, TakesOverPlainFields) {
  auto plan =
      Plan("stdin: true stdin_once: true tty: true working_dir: '/w' " +
           Context("readonly_rootfs: true no_new_privs: true seccomp { profile_type: RuntimeDefault }"));
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_TRUE(plan->stdin_open && plan->stdin_once && plan->process.terminal && plan->read_only_root);
  EXPECT_TRUE(plan->process.no_new_privileges && plan->process.seccomp);
  EXPECT_EQ(plan->process.cwd, "/w");
}

struct NamespaceCase {
  const char* sandbox;
  const char* container;
  shim::NamespaceUse pid;
  bool host_network;
  bool host_ipc;
};
class Namespaces : public ::testing::TestWithParam<NamespaceCase> {};

TEST_P(Namespaces, FollowPodAndContainer) {
  std::string container = GetParam().container;
  auto plan = Plan(container == "none" ? "" : Options(container), Options(GetParam().sandbox));
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->pid, GetParam().pid);
  EXPECT_EQ(plan->host_network, GetParam().host_network);
  EXPECT_EQ(plan->host_uts, GetParam().host_network);
  EXPECT_EQ(plan->host_ipc, GetParam().host_ipc);
}

INSTANTIATE_TEST_SUITE_P(
    All, Namespaces,
    ::testing::Values(
        NamespaceCase{"", "", shim::NamespaceUse::kPod, false, false},
        NamespaceCase{"", "pid: CONTAINER", shim::NamespaceUse::kOwn, false, false},
        NamespaceCase{"pid: CONTAINER", "pid: CONTAINER", shim::NamespaceUse::kOwn, false, false},
        NamespaceCase{"pid: CONTAINER", "none", shim::NamespaceUse::kOwn, false, false},
        NamespaceCase{"pid: NODE", "pid: NODE", shim::NamespaceUse::kHost, false, false},
        NamespaceCase{"pid: NODE", "none", shim::NamespaceUse::kHost, false, false},
        NamespaceCase{"pid: CONTAINER", "pid: TARGET target_id: 'x'", shim::NamespaceUse::kTarget, false,
                      false},
        NamespaceCase{"network: NODE", "none", shim::NamespaceUse::kPod, true, false},
        NamespaceCase{"network: NODE", "", shim::NamespaceUse::kPod, true, false},
        NamespaceCase{"network: NODE", "network: NODE", shim::NamespaceUse::kPod, true, false},
        NamespaceCase{"ipc: NODE", "ipc: NODE", shim::NamespaceUse::kPod, false, true},
        NamespaceCase{"ipc: NODE", "", shim::NamespaceUse::kPod, false, true},
        NamespaceCase{"", "userns_options { mode: NODE }", shim::NamespaceUse::kPod, false, false}));

#define USERNS(first)                        \
  "userns_options { uids { host_id: " #first \
  " length: 65536 } gids { "                 \
  "host_id: " #first " length: 65536 } }"

struct BadNamespaceCase {
  const char* sandbox;
  const char* container;
  const char* field;
  const char* value;
  Code code = Code::kInvalidArgument;
};
class BadNamespaces : public ::testing::TestWithParam<BadNamespaceCase> {};

TEST_P(BadNamespaces, AreRefused) {
  EXPECT_TRUE(Refuses(Plan(Options(GetParam().container), Options(GetParam().sandbox)), GetParam().code,
                      std::string(kPrefix) + "namespace_options." + GetParam().field, GetParam().value));
}

INSTANTIATE_TEST_SUITE_P(All, BadNamespaces,
                         ::testing::Values(BadNamespaceCase{"", "network: NODE", "network", "NODE"},
                                           BadNamespaceCase{"", "network: CONTAINER", "network", "CONTAINER"},
                                           BadNamespaceCase{"", "ipc: NODE", "ipc", "NODE"},
                                           BadNamespaceCase{"", "pid: NODE", "pid", "NODE"},
                                           BadNamespaceCase{"pid: CONTAINER", "pid: POD", "pid", "POD"},
                                           BadNamespaceCase{"", "pid: TARGET", "target_id", "empty"},
                                           BadNamespaceCase{"", USERNS(1000), "userns_options", "fit"},
                                           BadNamespaceCase{USERNS(1000), USERNS(2000), "userns_options",
                                                            "fit"},
                                           BadNamespaceCase{USERNS(1000), "userns_options { mode: NODE }",
                                                            "userns_options", "fit"}));

class UserNamespaceOfContainer : public ::testing::TestWithParam<const char*> {};

TEST_P(UserNamespaceOfContainer, IsThePods) {
  auto plan = Plan(Options(GetParam()), Options(USERNS(1000)));
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->ids.uids, (shim::IdRange{0, 1000, 65536}));
  auto mount = [&](const char* target) {
    return *std::ranges::find(plan->mounts, target, &shim::MountStep::target);
  };
  EXPECT_EQ(mount("/etc/hosts").ids, plan->ids);
  EXPECT_THAT(mount("/dev/pts").options, ::testing::HasSubstr("gid=1005"));
  EXPECT_TRUE(plan->masked_paths.empty());  // nothing asked for: an unmasked /proc, allowed here only
}

INSTANTIATE_TEST_SUITE_P(All, UserNamespaceOfContainer, ::testing::Values("", USERNS(1000)));

TEST(Privileged, HasWhatTheHostHas) {
  auto plan = Plan(Context("privileged: true seccomp { profile_type: Localhost } masked_paths: '/proc/kcore' "
                           "readonly_paths: '/proc/sys'"),
                   Context("privileged: true"));
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->process.capabilities.bounding, Request().host.capabilities);
  EXPECT_EQ(plan->process.capabilities.inheritable, 0u);
  EXPECT_FALSE(plan->process.seccomp);
  EXPECT_TRUE(plan->host_cgroup);
  EXPECT_TRUE(plan->all_devices);
  EXPECT_THAT(plan->masked_paths, IsEmpty());
  EXPECT_THAT(plan->read_only_paths, IsEmpty());
}

TEST(Privileged, NeedsAPrivilegedSandbox) {
  EXPECT_TRUE(Refuses(Plan(Context("privileged: true")), Code::kInvalidArgument,
                      std::string(kPrefix) + "privileged"));
}

TEST(Privileged, FindsDevicesWhenItIsPlanned) {
  Request request;
  request.container = Context("privileged: true");
  request.sandbox = Context("privileged: true");
  request.host.devices_directory = "/dev";
  auto plan = request.Build();
  ASSERT_TRUE(plan) << plan.error().ToString();
  std::vector<std::string> paths;
  for (const shim::DeviceStep& device : plan->devices) paths.push_back(device.path);
  EXPECT_THAT(paths, Contains("/dev/null"));
  EXPECT_THAT(paths, Not(Contains("/dev/ptmx")));
}

TEST(Devices, AreMadeAndTheLaterWins) {
  auto plan = Plan(
      "devices { host_path: '/dev/null' container_path: '/dev/x' permissions: 'r' } "
      "devices { host_path: '/dev/zero' container_path: '/dev/x' permissions: 'rw' }");
  ASSERT_TRUE(plan) << plan.error().ToString();
  ASSERT_EQ(plan->devices.size(), 1u);
  EXPECT_EQ(plan->devices[0].minor, 5u);
  EXPECT_EQ(plan->devices[0].access, "rw");
}

TEST(ProtectedPaths, AreTheRequestsWhenItHasAny) {
  auto plan = Plan(Context("masked_paths: ['/bin/ls', '/proc//kcore']"));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->masked_paths, ElementsAre("/bin/ls", "/proc/kcore"));
  EXPECT_THAT(plan->read_only_paths, IsEmpty());
  plan = Plan(Context("readonly_paths: '/tmp'"));
  EXPECT_THAT(plan->masked_paths, IsEmpty());
  EXPECT_THAT(plan->read_only_paths, ElementsAre("/tmp"));
}

TEST(ProtectedPaths, AreAbsolute) {
  auto code = Code::kInvalidArgument;
  EXPECT_TRUE(Refuses(Plan(Context("masked_paths: 'proc/kcore'")), code,
                      std::string(kPrefix) + "masked_paths", "proc/kcore"));
  EXPECT_TRUE(
      Refuses(Plan(Context("readonly_paths: 'tmp'")), code, std::string(kPrefix) + "readonly_paths", "tmp"));
  EXPECT_TRUE(
      Refuses(Plan(Context("masked_paths: '/'")), code, std::string(kPrefix) + "masked_paths", "root"));
}

TEST(OomScore, IsClampedToWhatTheHostAllows) {
  Request request;
  request.container = "linux { resources { oom_score_adj: -998 } }";
  EXPECT_EQ(request.Build()->process.oom_score_adj, -998);
  request.host.can_lower_oom_score = false;
  request.host.own_oom_score_adj = -5;
  EXPECT_EQ(request.Build()->process.oom_score_adj, -5);
  request.container = "linux { resources { oom_score_adj: 1000 } }";
  EXPECT_EQ(request.Build()->process.oom_score_adj, 1000);
}

TEST(OomScore, IsNotInheritedFromAProtectedDaemon) {
  Request request;
  request.host.own_oom_score_adj = -999;
  EXPECT_EQ(request.Build()->process.oom_score_adj, 0);
}

TEST(OomScore, HasARange) {
  for (const char* value : {"-1001", "1001", "4294967296"}) {
    EXPECT_TRUE(Refuses(Plan(std::string("linux { resources { oom_score_adj: ") + value + " } }"),
                        Code::kInvalidArgument, "linux.resources.oom_score_adj", value));
  }
}

constexpr char kVolume[] =
    "mounts { container_path: '/data' host_path: '/var/lib/kubelet/pods/u/volumes/e/data' selinux_relabel: "
    "true }";

SeLinuxHost SeLinuxWithContainers() {
  return {.enabled = true,
          .enforcing = true,
          .process = {"system_u", "system_r", "container_t", "s0"},
          .file = {"system_u", "object_r", "container_file_t", "s0"},
          .shared_file = {}};
}

// DaemonSets ask for labels wherever they run.
TEST(SeLinux, IsIgnoredWhereThereIsNone) {
  Request request;
  request.container = std::string(kVolume) + Context("selinux_options { level: 's0:c1,c2' type: '?' }");
  ASSERT_TRUE(request.Build());
  EXPECT_EQ(request.Build()->process.selinux, shim::SeLinuxPlan());
}

TEST(SeLinux, LabelsInitExecsAndFiles) {
  Request request;
  request.host.selinux = SeLinuxWithContainers();
  request.container = kVolume;
  auto plan = request.Build();
  ASSERT_TRUE(plan) << plan.error().ToString();
  const shim::SeLinuxPlan& selinux = plan->process.selinux;
  EXPECT_EQ(selinux.process, "system_u:system_r:container_t:s0:c1,c2");
  EXPECT_EQ(selinux.files, "system_u:object_r:container_file_t:s0:c1,c2");
  EXPECT_THAT(selinux.relabel, ::testing::ElementsAre("/data"));
  EXPECT_EQ(selinux.relabel_within, "/pods/u");
  shim::SeLinuxPlan exec = BuildExecPlan(plan->process, {"/sh"}, /*tty=*/false)->selinux;
  EXPECT_EQ(exec.process, selinux.process);
  EXPECT_TRUE(exec.relabel.empty()) << "was done at the start";
}

TEST(SeLinux, RelabelsWhatTheKubeletOwnsAndNothingElse) {
  Request request;
  request.host.selinux = SeLinuxWithContainers();
  auto mount = [](const std::string& path) {
    return "mounts { container_path: '/data' selinux_relabel: true host_path: '" + path + "' }";
  };
  for (const char* path : {"/var/lib/kubelet/pods/u/volumes/e/data", "/srv/k8s/pods/u/etc-hosts"}) {
    request.container = mount(path);
    EXPECT_TRUE(request.Build()) << path;
  }
  for (const char* path :
       {"/", "/etc", "/home/user", "/var/lib/kubelet", "/var/lib/kubelet/pods/u",
        "/var/lib/kubelet/pods/u2/x", "/var/lib/mypods/u/x", "/var/lib/kubelet/pods/other/volumes/e/data",
        "/var/lib/kubelet/pods/u/../../../../etc"}) {
    request.container = mount(path);
    EXPECT_TRUE(Refuses(request.Build(), Code::kInvalidArgument, "mounts.selinux_relabel")) << path;
  }
}

// As the kubelet has it, a uid is one component of a path: no other one may widen what is the pod's.
TEST(SeLinux, RelabelsNothingForAPodWhoseUidIsNoName) {
  for (const char* uid : {"", ".", "..", "u/volumes", "/"}) {
    Request request;
    request.host.selinux = SeLinuxWithContainers();
    request.uid = uid;
    request.container =
        "mounts { container_path: '/data' selinux_relabel: true host_path: '/k/pods/u/volumes/e' }";
    EXPECT_TRUE(Refuses(request.Build(), Code::kInvalidArgument, "mounts.selinux_relabel")) << uid;
  }
}

TEST(ContainerPlan, NamesTheAppArmorProfileForInitAndExecs) {
  Request request;
  EXPECT_EQ(request.Build()->process.apparmor_profile, "");
  request.host.apparmor = AppArmorSupport::kFull;
  EXPECT_EQ(request.Build()->process.apparmor_profile, "davit-default");
  EXPECT_EQ(BuildExecPlan(request.Build()->process, {"/sh"}, /*tty=*/false)->apparmor_profile,
            "davit-default");
}

TEST(ContainerPlan, PassesRefusalsOn) {
  EXPECT_FALSE(Plan(Context("run_as_group { value: 1 }")));
  EXPECT_FALSE(Plan(Context("capabilities { add_capabilities: 'X' }")));
  EXPECT_FALSE(Plan(Context("seccomp { profile_type: Localhost }")));
  EXPECT_FALSE(Plan(Context("apparmor { profile_type: Localhost localhost_ref: 'web' }")));
  EXPECT_FALSE(Plan("mounts { container_path: 'a' host_path: '/a' }"));
  EXPECT_FALSE(Plan("envs { key: '' }"));
}

// Whoever may set an annotation, or build an image, could otherwise decide what only the request may
// (CVE-2022-0811 and its kin).
TEST(ContainerPlan, TakesNothingFromAnnotationsAndLabels) {
  Request plain;
  Request hostile;
  for (const char* key :
       {"io.kubernetes.cri-o.userns-mode", "io.kubernetes.cri-o.Devices", "io.kubernetes.cri-o.umask",
        "io.kubernetes.cri-o.UnifiedCgroup.c", "run.oci.seccomp.receiver", "run.oci.hooks.stderr",
        "org.systemd.property.ExecStart", "io.containers.capabilities", "devices.gpu.io/c",
        "container.seccomp.security.alpha.kubernetes.io/c"}) {
    std::string annotation = std::string("annotations { key: '") + key + "' value: '/dev/mem' } ";
    hostile.sandbox += annotation;
    hostile.container += annotation + "labels { key: '" + key + "' value: '/dev/mem' } ";
    hostile.image.labels[key] = "/dev/mem";
  }
  auto plan = hostile.Build();
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(Encode(*plan), Encode(*plain.Build()));
}

// What the kubelet sends for an ordinary pod.
TEST(ContainerPlan, AcceptsWhatTheKubeletSends) {
  auto plan = Plan(
      "envs { key: 'KUBERNETES_PORT' value: 'tcp://10.96.0.1:443' } "
      "mounts { container_path: '/etc/hosts' host_path: '/var/lib/kubelet/pods/u/etc-hosts' selinux_relabel: "
      "true } "
      "mounts { container_path: '/dev/termination-log' host_path: '/var/lib/kubelet/pods/u/containers/c/1' } "
      "mounts { container_path: '/var/run/secrets/kubernetes.io/serviceaccount' host_path: "
      "'/var/lib/kubelet/pods/u/v' readonly: true } "
      "linux { resources { cpu_period: 100000 cpu_shares: 102 oom_score_adj: 999 } security_context { "
      "capabilities {} "
      "namespace_options { pid: CONTAINER } run_as_user {} masked_paths: '/proc/asound' readonly_paths: "
      "'/proc/bus' "
      "seccomp { profile_type: Unconfined } } }",
      Options("pid: CONTAINER"));
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->pid, shim::NamespaceUse::kOwn);
  EXPECT_EQ(plan->process.user.uid, 0u);
}

}  // namespace
}  // namespace davit::cri
