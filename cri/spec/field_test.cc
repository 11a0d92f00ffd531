// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/field.h"

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

TEST(Field, NamesFieldValueAndReason) {
  Result<> error = BadField("metadata.name", "a\nb", "is not a name");
  EXPECT_EQ(error.error().ToString(), "validate metadata.name: \"a?b\" is not a name");
}

TEST(Field, ShortensWhatAStrangerSent) {
  Result<> error = BadField("metadata.name", std::string(100'000, 'x'), "is too long");
  EXPECT_LT(error.error().ToString().size(), 300u);
}

TEST(Field, CleansPaths) {
  EXPECT_EQ(*CleanAbsolutePath("p", "/"), "/");
  EXPECT_EQ(*CleanAbsolutePath("p", "//a///b/./c/"), "/a/b/c");
  EXPECT_EQ(*CleanAbsolutePath("p", "/a/../../b"), "/b");
  EXPECT_EQ(*CleanAbsolutePath("p", "/a/.."), "/");
  EXPECT_EQ(*CleanAbsolutePath("p", "/..a/b.."), "/..a/b..");
}

TEST(Field, RefusesPathsThatDependOnAPlace) {
  for (const char* path : {"", "a", "./a", "../a"}) {
    EXPECT_TRUE(Refuses(CleanAbsolutePath("p", path), Code::kInvalidArgument, "p", path)) << path;
  }
  EXPECT_TRUE(Refuses(CleanAbsolutePath("p", std::string("/a\0b", 4)), Code::kInvalidArgument, "p"));
}

TEST(Field, KnowsTheRangeOfIds) {
  EXPECT_EQ(*CheckId("id", 0), 0u);
  EXPECT_EQ(*CheckId("id", 2147483647), 2147483647u);
  for (int64_t id : {int64_t{-1}, int64_t{2147483648}, int64_t{1} << 32, INT64_MIN, INT64_MAX}) {
    EXPECT_TRUE(Refuses(CheckId("id", id), Code::kInvalidArgument, "id", std::to_string(id)));
  }
}

}  // namespace
}  // namespace davit::cri
