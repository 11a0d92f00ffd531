// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/path_components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PathComponents, AreTheNamesBetweenSlashes) {
  EXPECT_THAT(PathComponents("/var//lib/x/"), ElementsAre("var", "lib", "x"));
  EXPECT_THAT(PathComponents("x"), ElementsAre("x"));
  EXPECT_THAT(PathComponents("//"), IsEmpty());
  EXPECT_THAT(PathComponents(""), IsEmpty());
}

TEST(PathComponents, OneIsAPlainName) {
  EXPECT_TRUE(IsPathComponent("..."));
  for (const char* name : {"", ".", "..", "/", "a/b", "a/"}) EXPECT_FALSE(IsPathComponent(name)) << name;
}

TEST(LiesBelow, ComparesWholeNames) {
  for (const char* directory : {"/pods/u", "/pods/u/", "pods/u"}) {
    EXPECT_TRUE(LiesBelow("/kubelet/pods/u/volume", directory)) << directory;
    EXPECT_TRUE(LiesBelow("/pods/u/volume/deep", directory)) << directory;
    for (const char* path : {"/kubelet/pods/u2/volume", "/kubelet/pods/u-old", "/kubelet/mypods/u/volume",
                             "/kubelet/pods/x/u/volume", "/kubelet/pods/u", "/kubelet/pods/u/", "/", ""}) {
      EXPECT_FALSE(LiesBelow(path, directory)) << path << " " << directory;
    }
  }
  EXPECT_FALSE(LiesBelow("/a/b", "/"));
  EXPECT_FALSE(LiesBelow("/a/b", ""));
}

}  // namespace
}  // namespace davit
