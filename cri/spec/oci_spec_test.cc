// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/oci_spec.h"

#include <linux/mount.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

using Json = nlohmann::json;

shim::ContainerPlan SomePlan() {
  shim::ContainerPlan plan;
  plan.container_id = "cid";
  plan.read_only_root = true;
  plan.host_network = plan.host_uts = true;
  shim::MountStep bind;
  bind.source = "/srv";
  bind.target = "/data";
  bind.attributes = MOUNT_ATTR_RDONLY;
  bind.recursive_attributes = true;
  shim::MountStep tmpfs;
  tmpfs.kind = shim::MountKind::kTmpfs;
  tmpfs.target = "/dev";
  tmpfs.attributes = MOUNT_ATTR_NOSUID;
  tmpfs.options = "mode=755,size=65536k";
  plan.mounts = {tmpfs, bind};
  plan.devices.push_back(
      {.path = "/dev/sda", .type = 'b', .major = 8, .minor = 0, .mode = 0660, .access = "r"});
  plan.masked_paths = {"/proc/kcore"};
  plan.process.args = {"/app", "x"};
  plan.process.env = {"A=1"};
  plan.process.user.name = "www";
  plan.process.user.supplementary = {1234};
  plan.process.capabilities.bounding = 1;
  plan.process.oom_score_adj = 999;
  plan.process.apparmor_profile = "web";
  plan.process.selinux = shim::SeLinuxPlan{
      .process = "u:r:t:s0:c1,c2", .files = "u:o:f:s0:c1,c2", .relabel = {}, .relabel_within = {}};
  plan.process.rlimits = {{RLIMIT_NOFILE, 10, 20}};
  return plan;
}

Json Render(const shim::ContainerPlan& plan, const std::string& resources = "") {
  shim::SandboxPlan sandbox;
  sandbox.hostname = "web-0";
  sandbox.sysctls = {{"net/core/somaxconn", "5"}};
  return Json::parse(
      RenderOciSpec(sandbox, plan, "/kubepods/cid", Proto<v1::LinuxContainerResources>(resources)));
}

TEST(OciSpec, SaysWhatThePlanSays) {
  Json spec = Render(SomePlan());
  EXPECT_EQ(spec["ociVersion"], "1.2.0");
  EXPECT_EQ(spec["hostname"], "web-0");
  EXPECT_EQ(spec["root"]["readonly"], true);
  EXPECT_EQ(spec["process"]["args"], Json({"/app", "x"}));
  EXPECT_EQ(spec["process"]["user"]["username"], "www");
  EXPECT_EQ(spec["process"]["user"]["additionalGids"], Json({1234}));
  EXPECT_EQ(spec["process"]["capabilities"]["bounding"], Json({"CAP_CHOWN"}));
  EXPECT_EQ(spec["process"]["oomScoreAdj"], 999);
  EXPECT_EQ(spec["process"]["apparmorProfile"], "web");
  EXPECT_EQ(spec["process"]["selinuxLabel"], "u:r:t:s0:c1,c2");
  EXPECT_EQ(spec["linux"]["mountLabel"], "u:o:f:s0:c1,c2");
  EXPECT_EQ(spec["process"]["rlimits"][0], Json({{"type", "RLIMIT_NOFILE"}, {"soft", 10}, {"hard", 20}}));
  EXPECT_EQ(spec["linux"]["cgroupsPath"], "/kubepods/cid");
  EXPECT_EQ(spec["linux"]["maskedPaths"], Json({"/proc/kcore"}));
  EXPECT_EQ(spec["linux"]["sysctl"]["net/core/somaxconn"], "5");
  EXPECT_EQ(spec["linux"]["devices"][0]["path"], "/dev/sda");
}

TEST(OciSpec, NamesMountsAsOtherRuntimesDo) {
  Json mounts = Render(SomePlan())["mounts"];
  EXPECT_EQ(mounts[0], Json({{"destination", "/dev"},
                             {"type", "tmpfs"},
                             {"source", "tmpfs"},
                             {"options", {"nosuid", "rw", "mode=755", "size=65536k"}}}));
  EXPECT_EQ(mounts[1], Json({{"destination", "/data"},
                             {"type", "bind"},
                             {"source", "/srv"},
                             {"options", {"rbind", "rprivate", "rro"}}}));
}

TEST(OciSpec, ListsTheNamespacesThatAreNotTheHosts) {
  std::vector<std::string> types;
  Json spec = Render(SomePlan());
  for (const Json& entry : spec["linux"]["namespaces"]) types.push_back(entry["type"].get<std::string>());
  EXPECT_THAT(types, ::testing::ElementsAre("mount", "pid", "ipc", "cgroup"));
}

TEST(OciSpec, ListsDeviceRules) {
  Json rules = Render(SomePlan())["linux"]["resources"]["devices"];
  EXPECT_EQ(rules[0], Json({{"allow", false}, {"type", "a"}, {"access", "rwm"}}));
  EXPECT_EQ(rules.back(),
            Json({{"allow", true}, {"type", "b"}, {"major", 8}, {"minor", 0}, {"access", "r"}}));
}

TEST(OciSpec, ListsResourcesThatAreSet) {
  Json resources = Render(
      SomePlan(),
      "cpu_shares: 102 cpu_quota: -1 memory_limit_in_bytes: 1000 cpuset_cpus: '0-1' "
      "hugepage_limits { page_size: '2MB' limit: 5 } unified { key: 'memory.high' value: '9' }")["linux"]
                                                                                                ["resources"];
  EXPECT_EQ(resources["cpu"], Json({{"shares", 102}, {"quota", -1}, {"cpus", "0-1"}}));
  EXPECT_EQ(resources["memory"], Json({{"limit", 1000}}));
  EXPECT_EQ(resources["hugepageLimits"][0], Json({{"pageSize", "2MB"}, {"limit", 5}}));
  EXPECT_EQ(resources["unified"]["memory.high"], "9");
}

TEST(OciSpec, IsJsonWhateverTheArgumentsHold) {
  shim::ContainerPlan plan = SomePlan();
  plan.process.args = {"\xff\xfe", "\"\n"};
  EXPECT_EQ(Render(plan)["process"]["args"][1], "\"\n");
}

}  // namespace
}  // namespace davit::cri
