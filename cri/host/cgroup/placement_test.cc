// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

SystemdPlacement Systemd(const std::string& root = "/") {
  return SystemdPlacement::Make(root, "davit").value();
}

TEST(CgroupfsPlacementTest, PlacesPodsAndShimsBelowItsRoot) {
  CgroupfsPlacement at_root("/");
  EXPECT_EQ(at_root.OwnPod("p"), "/davit/pods/p");
  EXPECT_EQ(at_root.Container("/kubepods/podu", "c"), "/kubepods/podu/c");
  EXPECT_EQ(at_root.Shims()->text(), "/davit/shims");
  CgroupfsPlacement below("/a/b");
  EXPECT_EQ(below.OwnPod("p"), "/a/b/davit/pods/p");
  EXPECT_EQ(below.Shims()->text(), "/a/b/davit/shims");
  EXPECT_EQ(below.Parent("kubepods//podu/")->text(), "/kubepods/podu");
}

TEST(CgroupfsPlacementTest, ASliceIsNoParent) {
  CgroupfsPlacement placement("/");
  for (const char* text :
       {"system.slice", "/kubepods.slice/kubepods-burstable.slice", "kubepods-podu_1.slice/"}) {
    Result<CgroupPath> parent = placement.Parent(text);
    ASSERT_FALSE(parent) << text;
    EXPECT_THAT(parent.error().ToString(), HasSubstr("cgroup driver is cgroupfs")) << text;
  }
  EXPECT_TRUE(placement.Parent("/system.slice/davit.service/pods"));
}

TEST(SystemdPlacementTest, TakesASliceByNameAndByPath) {
  const char* expanded = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice";
  EXPECT_EQ(Systemd().Parent("kubepods-burstable-podu_1.slice")->text(), expanded);
  EXPECT_EQ(Systemd().Parent("/kubepods-burstable-podu_1.slice/")->text(), expanded);
  EXPECT_EQ(Systemd().Parent(expanded)->text(), expanded);
}

TEST(SystemdPlacementTest, ASliceNameThatIsNoneIsNamedWithTheReason) {
  for (const auto& [text, reason] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/kubepods/burstable/podu", "does not end with \".slice\""},
           {"a--b.slice", "empty part"},
           {"/x/kubepods-podu.slice", "which is /kubepods.slice/kubepods-podu.slice"},
           {"-.slice", "root"},
           {"a.slice/../b.slice", "\"..\""}}) {
    Result<CgroupPath> parent = Systemd().Parent(text);
    ASSERT_FALSE(parent) << text;
    EXPECT_EQ(parent.error().code, Code::kInvalidArgument);
    EXPECT_THAT(parent.error().ToString(), AllOf(HasSubstr(text), HasSubstr(reason)));
  }
}

TEST(SystemdPlacementTest, NamesScopesAndItsOwnSlices) {
  SystemdPlacement placement = Systemd();
  EXPECT_EQ(placement.Container("/a.slice/a-b.slice", "c"), "/a.slice/a-b.slice/davit-c.scope");
  EXPECT_EQ(placement.Container("/kubepods/podu", "c"), "/kubepods/podu/c") << "of the other driver";
  EXPECT_EQ(placement.OwnPod("p"), "/davit.slice/davit-pods.slice/davit-pods-p.slice");
  EXPECT_EQ(placement.OwnScope("x.scope"), "/davit.slice/x.scope");
  EXPECT_EQ(SystemdPlacement::Make("/", "crio")->Container("/a.slice", "c"), "/a.slice/crio-c.scope");
}

TEST(PlacementTest, KnowsWhereBothDriversHaveTheCgroupsOfPodsWithoutAParent) {
  const char* slice = "/davit.slice/davit-pods.slice";
  EXPECT_THAT(CgroupfsPlacement("/").OwnPodParents(), ElementsAre("/davit/pods", slice));
  EXPECT_THAT(Systemd().OwnPodParents(), ElementsAre("/davit/pods", slice));
  slice = "/t.slice/t-davit.slice/t-davit-pods.slice";
  EXPECT_THAT(CgroupfsPlacement("/t.slice").OwnPodParents(), ElementsAre("/t.slice/davit/pods", slice));
  EXPECT_THAT(Systemd("t.slice").OwnPodParents(), ElementsAre("/t.slice/davit/pods", slice));
  EXPECT_THAT(CgroupfsPlacement("/a/b").OwnPodParents(), ElementsAre("/a/b/davit/pods")) << "no slice";
}

TEST(SystemdPlacementTest, ARootIsASlice) {
  for (const char* root : {"/t.slice", "t.slice"}) {
    EXPECT_EQ(Systemd(root).OwnPod("p"), "/t.slice/t-davit.slice/t-davit-pods.slice/t-davit-pods-p.slice");
    EXPECT_EQ(Systemd(root).OwnScope("x.scope"), "/t.slice/t-davit.slice/x.scope");
  }
  EXPECT_EQ(Systemd("/t.slice/t-u.slice").OwnScope("x.scope"), "/t.slice/t-u.slice/t-u-davit.slice/x.scope");
  EXPECT_FALSE(SystemdPlacement::Make("/system/davit", "davit"));
}

}  // namespace
}  // namespace davit::cri
