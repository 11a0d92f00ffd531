// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/unit_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

TEST(UnitName, EachDashOfASliceIsALevel) {
  EXPECT_EQ(ExpandSlice("system.slice").value(), "/system.slice");
  EXPECT_EQ(ExpandSlice("a-b-c.slice").value(), "/a.slice/a-b.slice/a-b-c.slice");
  EXPECT_EQ(ExpandSlice("kubepods-pod12_ab.slice").value(), "/kubepods.slice/kubepods-pod12_ab.slice");
  EXPECT_EQ(ExpandSlice("-.slice").value(), "/");
}

TEST(UnitName, WhatIsNoSliceIsRefusedWithTheReason) {
  const std::string longest(249, 'x');
  EXPECT_TRUE(ExpandSlice(longest + ".slice"));
  for (const auto& [name, reason] :
       std::initializer_list<std::pair<std::string, const char*>>{{"", "does not end"},
                                                                  {"kubepods", "does not end"},
                                                                  {"a.scope", "does not end"},
                                                                  {".slice", "empty part"},
                                                                  {"-a.slice", "empty part"},
                                                                  {"a-.slice", "empty part"},
                                                                  {"a--b.slice", "empty part"},
                                                                  {"--.slice", "empty part"},
                                                                  {"a/b.slice", "character"},
                                                                  {"a b.slice", "character"},
                                                                  {"a@b.slice", "character"},
                                                                  {longest + "x.slice", "longer"}}) {
    Result<std::string> path = ExpandSlice(name);
    ASSERT_FALSE(path) << name;
    EXPECT_EQ(path.error().code, Code::kInvalidArgument);
    EXPECT_EQ(path.error().subject, name);
    EXPECT_THAT(path.error().context, testing::HasSubstr(reason)) << name;
  }
}

TEST(UnitName, APathNamesTheUnitAndItsSlice) {
  EXPECT_EQ(UnitOfPath("/a.slice/a-b.slice/x-1.scope"), "x-1.scope");
  EXPECT_EQ(SliceOfPath("/a.slice/a-b.slice/x-1.scope"), "a-b.slice");
  EXPECT_EQ(UnitOfPath("/a.slice"), "a.slice");
  EXPECT_EQ(SliceOfPath("/a.slice"), "-.slice");
  EXPECT_TRUE(IsScope("/a.slice/x.scope"));
  EXPECT_FALSE(IsScope("/a.slice"));
  EXPECT_TRUE(IsSlice("/a.slice"));
}

}  // namespace
}  // namespace davit::cri
