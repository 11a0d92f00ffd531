// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/cdi_edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mount.h>

#include "base/testing/work_growth.h"
#include "cri/spec/devices.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

shim::ContainerPlan Apply(const cdi::Edits& edits, shim::ContainerPlan plan = {}) {
  Result<> applied = ApplyCdiEdits({edits}, plan);
  EXPECT_TRUE(applied) << applied.error().ToString();
  return plan;
}

cdi::DeviceNode Node(const std::string& path) {
  cdi::DeviceNode node;
  node.path = path;
  return node;
}

std::string Refusal(const cdi::Mount& mount) {
  shim::ContainerPlan plan;
  Result<> applied = ApplyCdiEdits({{.mounts = {mount}}}, plan);
  return applied ? "" : applied.error().ToString();
}

TEST(CdiEdits, VariablesReplaceThoseOfTheSameName) {
  shim::ContainerPlan plan;
  plan.process.env = {"PATH=/bin", "GPU=none"};
  EXPECT_THAT(Apply({.env = {"GPU=all", "NEW=1"}}, plan).process.env,
              ElementsAre("PATH=/bin", "GPU=all", "NEW=1"));
}

TEST(CdiEdits, NodesTakeTypeAndNumbersFromTheHost) {
  cdi::DeviceNode node = Node("/dev/nothing");
  node.host_path = "/dev/null";
  shim::ContainerPlan plan;
  plan.devices.emplace_back().path = "/dev/nothing";
  plan.process.user.uid = 1000;
  plan = Apply({.device_nodes = {node}}, plan);
  ASSERT_EQ(plan.devices.size(), 1u);
  const shim::DeviceStep& step = plan.devices[0];
  EXPECT_EQ(step.path, "/dev/nothing");
  EXPECT_EQ(step.type, 'c');
  EXPECT_EQ(step.major, 1u);
  EXPECT_EQ(step.minor, 3u);
  EXPECT_EQ(step.access, "rwm");
  EXPECT_EQ(step.uid, 1000u) << "the container's user";
}

TEST(CdiEdits, NodesThatAreDescribedInFullNeedNoDeviceOnTheHost) {
  cdi::DeviceNode node = Node("/dev/gpu0");
  node.type = "u";
  node.major = 195;
  node.minor = 7;
  node.mode = 0640;
  node.permissions = "rw";
  node.uid = 0;
  node.gid = 44;
  shim::ContainerPlan plan;
  plan.process.user.uid = 1000;
  plan = Apply({.device_nodes = {node}}, plan);
  const shim::DeviceStep& step = plan.devices.at(0);
  EXPECT_EQ(step.type, 'c');
  EXPECT_EQ(step.major, 195u);
  EXPECT_EQ(step.minor, 7u);
  EXPECT_EQ(step.mode, 0640u);
  EXPECT_EQ(step.uid, 0u);
  EXPECT_EQ(step.gid, 44u);
  DeviceRule rule = DeviceRulesOf(plan).back();
  EXPECT_EQ(rule.major, 195);
  EXPECT_EQ(rule.access, "rw");
}

TEST(CdiEdits, AFifoGetsNoDeviceRule) {
  cdi::DeviceNode node = Node("/dev/fifo");
  node.type = "p";
  shim::ContainerPlan plan = Apply({.device_nodes = {node}});
  EXPECT_EQ(DeviceRulesOf(plan).size(), DeviceRulesOf(shim::ContainerPlan()).size());
}

TEST(CdiEdits, ANodeThatTheHostDoesNotHaveIsNamed) {
  shim::ContainerPlan plan;
  Result<> applied = ApplyCdiEdits({{.device_nodes = {Node("/dev/no-such-device")}}}, plan);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::kNotFound);
  EXPECT_THAT(applied.error().ToString(), HasSubstr("/dev/no-such-device"));
}

TEST(CdiEdits, MountsReplaceAndAreSortedByDepth) {
  shim::ContainerPlan plan;
  plan.mounts.emplace_back().target = "/usr/lib/x";
  plan.mounts.emplace_back().target = "/usr/lib/gpu/y";
  plan = Apply({.mounts = {{"/host/x", "/usr/lib/x", "", {"ro", "nosuid", "rbind", "rslave"}},
                           {"tmpfs", "/usr", "tmpfs", {"size=64k", "mode=755", "nodev"}}}},
               plan);
  ASSERT_EQ(plan.mounts.size(), 3u);
  const shim::MountStep& tmpfs = plan.mounts[0];
  EXPECT_EQ(tmpfs.target, "/usr");
  EXPECT_EQ(tmpfs.kind, shim::MountKind::kTmpfs);
  EXPECT_EQ(tmpfs.options, "size=64k,mode=755");
  EXPECT_EQ(tmpfs.attributes, uint64_t{MOUNT_ATTR_NODEV});
  const shim::MountStep& bind = plan.mounts[1];
  EXPECT_EQ(bind.source, "/host/x");
  EXPECT_EQ(bind.attributes, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  EXPECT_TRUE(bind.recursive_bind);
  EXPECT_EQ(bind.propagation, shim::Propagation::kSlave);
  EXPECT_EQ(plan.root_propagation, shim::Propagation::kSlave);
  EXPECT_EQ(plan.mounts[2].target, "/usr/lib/gpu/y");
}

TEST(CdiEdits, MountsThatCannotBeAreNamed) {
  EXPECT_THAT(Refusal({"/x", "/", "", {}}), HasSubstr("root"));
  EXPECT_THAT(Refusal({"x", "/x", "", {}}), HasSubstr("hostPath"));
  EXPECT_THAT(Refusal({"/x", "/x", "nfs", {}}), HasSubstr("nfs"));
  EXPECT_THAT(Refusal({"/x", "/x", "", {"sync"}}), HasSubstr("sync"));
  EXPECT_THAT(Refusal({"/x", "/x", "", {"mode=755"}}), HasSubstr("mode=755"));
}

TEST(CdiEdits, GroupsAreAddedOnce) {
  shim::ContainerPlan plan;
  plan.process.user.supplementary = {44};
  EXPECT_THAT(Apply({.additional_gids = {44, 45}}, plan).process.user.supplementary, ElementsAre(44, 45));
}

TEST(CdiEdits, ALaterEditReplacesAnEarlierOne) {
  cdi::DeviceNode first = Node("/dev/gpu0");
  first.type = "c";
  first.major = 195;
  cdi::DeviceNode second = first;
  second.major = 196;
  shim::ContainerPlan plan;
  ASSERT_TRUE(
      ApplyCdiEdits({{.env = {"GPU=1"}, .device_nodes = {first}, .mounts = {{"/one", "/x", "", {}}}},
                     {.env = {"GPU=2"}, .device_nodes = {second}, .mounts = {{"/two", "/x", "", {}}}}},
                    plan));
  EXPECT_THAT(plan.process.env, ElementsAre("GPU=2"));
  ASSERT_EQ(plan.devices.size(), 1u);
  EXPECT_EQ(plan.devices[0].major, 196u);
  ASSERT_EQ(plan.mounts.size(), 1u);
  EXPECT_EQ(plan.mounts[0].source, "/two");
}

// `count` edits of each kind, half of them in one description, half in one each.
std::vector<cdi::Edits> ManyEdits(size_t count) {
  std::vector<cdi::Edits> edits(count / 2 + 1);
  for (size_t i = 0; i < count; ++i) {
    cdi::Edits& one = edits[i < count / 2 ? 0 : i - count / 2];
    std::string number = std::to_string(i);
    one.env.push_back("V" + number + "=1");
    cdi::DeviceNode& node = one.device_nodes.emplace_back(Node("/dev/gpu" + number));
    node.type = "c";
    node.major = 195;
    one.mounts.push_back({"/host/" + number, "/usr/lib/" + number, "", {}});
    one.additional_gids.push_back(static_cast<uint32_t>(i));
  }
  return edits;
}

TEST(CdiEdits, TheWorkDoesNotGrowWithTheSquareOfTheEdits) {
  double growth = GrowthOfWork(250, 4'000, [](size_t count) {
    shim::ContainerPlan plan;
    ASSERT_TRUE(ApplyCdiEdits(ManyEdits(count), plan));
    EXPECT_EQ(plan.devices.size(), count);
  });
  EXPECT_LT(growth, 64);
}

}  // namespace
}  // namespace davit::cri
