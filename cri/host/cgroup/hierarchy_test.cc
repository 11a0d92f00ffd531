// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/hierarchy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/testing/test_tree.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> Names(const CgroupHost& host) {
  std::vector<std::string> names;
  for (const CgroupHierarchy& hierarchy : host.hierarchies()) names.push_back(hierarchy.name);
  return names;
}

TEST(HierarchyTest, AMountOfV2IsOneHierarchyWithItsControllers) {
  TestTree tree;
  tree.Write("cgroup.controllers", "cpu memory pids\n");
  tree.Write("cgroup.procs", "");
  tree.Write("system.slice/cgroup.procs", "");
  Result<CgroupHost> host = CgroupHost::Probe(tree.path());
  ASSERT_TRUE(host) << host.error().ToString();
  EXPECT_EQ(host->mode(), CgroupMode::kV2);
  EXPECT_THAT(host->hierarchies()[0].controllers, ElementsAre("cpu", "memory", "pids"));
  EXPECT_TRUE(host->HasController("pids"));
  EXPECT_FALSE(host->HasController("cpuset"));
}

TEST(HierarchyTest, ControllersThatShareAV1HierarchyCountOnce) {
  TestTree tree;
  tree.Write("cpu,cpuacct/cgroup.procs", "");
  tree.Write("memory/cgroup.procs", "");
  tree.Write("systemd/cgroup.procs", "");
  tree.Write("no-cgroup/file", "");
  std::filesystem::create_symlink("cpu,cpuacct", tree.path() + "/cpu");
  std::filesystem::create_symlink("cpu,cpuacct", tree.path() + "/cpuacct");
  Result<CgroupHost> host = CgroupHost::Probe(tree.path());
  ASSERT_TRUE(host) << host.error().ToString();
  EXPECT_EQ(host->mode(), CgroupMode::kV1);
  EXPECT_THAT(Names(*host), UnorderedElementsAre("cpu,cpuacct", "memory", "systemd"));
  EXPECT_TRUE(host->HasController("cpuacct"));
  EXPECT_FALSE(host->HasController("systemd"));
}

TEST(HierarchyTest, V2BesideV1IsHybridAndLendsNoControllers) {
  TestTree tree;
  tree.Write("memory/cgroup.procs", "");
  tree.Write("unified/cgroup.procs", "");
  tree.Write("unified/cgroup.controllers", "hugetlb\n");
  Result<CgroupHost> host = CgroupHost::Probe(tree.path());
  ASSERT_TRUE(host) << host.error().ToString();
  EXPECT_EQ(host->mode(), CgroupMode::kHybrid);
  EXPECT_FALSE(host->HasController("hugetlb"));
}

TEST(HierarchyTest, ADirectoryWithoutHierarchiesIsRefused) {
  TestTree tree;
  Result<CgroupHost> host = CgroupHost::Probe(tree.path());
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code, Code::kUnimplemented);
}

TEST(HierarchyTest, PidsAreThoseOfTheWholeTree) {
  TestTree tree;
  tree.Write("memory/cgroup.procs", "");
  tree.Write("memory/a/cgroup.procs", "12\n0\n");
  tree.Write("memory/a/b/cgroup.procs", "");
  tree.Write("memory/a/b/c/cgroup.procs", "7\n8\n");
  CgroupHost host = std::move(*CgroupHost::Probe(tree.path()));
  const CgroupHierarchy& memory = host.hierarchies()[0];
  EXPECT_THAT(*PidsBelow(memory, "a"), UnorderedElementsAre(12, 7, 8));
  EXPECT_THAT(*PidsBelow(memory, "missing"), IsEmpty());
  EXPECT_THAT(*ChildCgroups(memory, ""), ElementsAre("a"));
  EXPECT_THAT(*ChildCgroups(memory, "missing"), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
