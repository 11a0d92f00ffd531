// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/context.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

TEST(SeLinuxContext, TakesItsPartsAndGivesThemBack) {
  for (const char* text : {"system_u:system_r:container_t:s0", "system_u:system_r:container_t:s0:c1,c2",
                           "staff_u:sysadm_r:spc_t:s0-s15:c0.c1023", "user_u:object_r:bin_t"}) {
    Result<SeLinuxContext> context = ParseSeLinuxContext(text);
    ASSERT_TRUE(context) << text;
    EXPECT_EQ(context->ToString(), text);
  }
  EXPECT_EQ(*ParseSeLinuxContext("a:b:c:s0:c1,c2"), (SeLinuxContext{"a", "b", "c", "s0:c1,c2"}));
  EXPECT_EQ(ParseSeLinuxContext("a:b:c")->level, "");
  EXPECT_EQ(SeLinuxContext().ToString(), "");
}

TEST(SeLinuxContext, RefusesWhatIsNone) {
  for (const char* text : {"", ":", "a", "a:b", "a:b:", ":b:c:s0", "a::c:s0", "a:b:c d:s0", "a:b:c:s0 ",
                           "a:b:c:s0\n", "a:b:\"c\":s0"}) {
    Result<SeLinuxContext> context = ParseSeLinuxContext(text);
    ASSERT_FALSE(context) << text;
    EXPECT_EQ(context.error().code, Code::kInvalidArgument);
  }
}

TEST(SeLinuxContext, AFieldCannotBringFieldsOfItsOwn) {
  EXPECT_TRUE(IsSeLinuxName("container_t"));
  for (const char* name : {"", "a:b", "a,b", "a b", "a\n", "a/b"}) EXPECT_FALSE(IsSeLinuxName(name)) << name;
  EXPECT_FALSE(IsSeLinuxName(std::string_view("a\0b", 3)));
  for (const char* level : {"s0", "s0:c1,c2", "s0-s0:c0.c1023", "SystemHigh"})
    EXPECT_TRUE(IsSeLinuxLevel(level)) << level;
  for (const char* level : {"", "s0 ", "s0\ns1", "s0/c1"}) EXPECT_FALSE(IsSeLinuxLevel(level)) << level;
}

}  // namespace
}  // namespace davit::cri
