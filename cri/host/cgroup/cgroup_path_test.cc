// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/cgroup_path.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace davit::cri {
namespace {

TEST(CgroupPathTest, OneCgroupHasOnePath) {
  for (const char* text : {"/a/b", "a/b", "/a/b/", "//a//b", "/./a/b/."}) {
    Result<CgroupPath> path = CgroupPath::Parse(text);
    ASSERT_TRUE(path) << path.error().ToString();
    EXPECT_EQ(path->text(), "/a/b") << text;
    EXPECT_EQ(path->relative(), "a/b") << text;
  }
  EXPECT_EQ(CgroupPath::Parse("/kubepods.slice/a..b")->text(), "/kubepods.slice/a..b");
}

TEST(CgroupPathTest, WhatNoCgroupCanBeIsRefused) {
  const std::string nul("/a\0b", 4);
  for (std::string_view bad :
       std::vector<std::string_view>{"", "/", "//", ".", "..", "/a/../b", "/a/..", "../a", "/a\nb", nul}) {
    Result<CgroupPath> path = CgroupPath::Parse(bad);
    ASSERT_FALSE(path) << bad;
    EXPECT_EQ(path.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(CgroupPath::Parse("/" + std::string(255, 'x')));
  EXPECT_FALSE(CgroupPath::Parse("/" + std::string(256, 'x')));
}

// "/" and 63 letters are one component of 64 bytes.
std::string Components(int count) {
  std::string path;
  for (int i = 0; i < count; ++i) path += "/" + std::string(63, 'x');
  return path;
}

TEST(CgroupPathTest, AParentThatIsAcceptedHasRoomForItsContainers) {
  Result<CgroupPath> longest = ParseCgroupParent(Components(16));  // 1024 bytes
  ASSERT_TRUE(longest) << longest.error().ToString();
  EXPECT_TRUE(CgroupPath::Parse(longest->text() + "/" + std::string(64, 'i')));
  EXPECT_FALSE(ParseCgroupParent(Components(16) + "/x"));
  EXPECT_TRUE(CgroupPath::Parse(Components(32)));
  EXPECT_FALSE(CgroupPath::Parse(Components(32) + "/x"));
}

}  // namespace
}  // namespace davit::cri
