// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/user.h"

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

std::string Show(const shim::UserSpec& user) {
  std::string text = user.uid ? std::to_string(*user.uid) : "'" + user.name + "'";
  text += ":";
  text += user.gid ? std::to_string(*user.gid) : "'" + user.group + "'";
  return text;
}

Result<shim::UserSpec> User(const std::string& context, const std::string& image_user = "") {
  return ContainerUser(Proto<v1::LinuxContainerSecurityContext>(context), image_user);
}

struct Good {
  const char* user;
  const char* shown;
};
class ImageUsers : public ::testing::TestWithParam<Good> {};

TEST_P(ImageUsers, AreRead) {
  auto user = ParseImageUser(GetParam().user);
  ASSERT_TRUE(user) << user.error().ToString();
  EXPECT_EQ(Show(*user), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(All, ImageUsers,
                         ::testing::Values(Good{"", "'':''"}, Good{"0", "0:''"}, Good{"1002", "1002:''"},
                                           Good{"1003:1004", "1003:1004"}, Good{"www-data", "'www-data':''"},
                                           Good{"www-data:www-data", "'www-data':'www-data'"},
                                           Good{"www-data:1004", "'www-data':1004"},
                                           Good{"33:www-data", "33:'www-data'"},
                                           Good{"2147483647:2147483647", "2147483647:2147483647"},
                                           Good{"007", "7:''"}, Good{"1000:", "1000:''"},
                                           Good{"www-data:", "'www-data':''"}, Good{"0x10", "'0x10':''"},
                                           Good{"1a", "'1a':''"}));

class BadImageUsers : public ::testing::TestWithParam<std::string> {};

TEST_P(BadImageUsers, AreRefused) {
  EXPECT_TRUE(Refuses(ParseImageUser(GetParam()), Code::kInvalidArgument, "image.user"));
}

INSTANTIATE_TEST_SUITE_P(All, BadImageUsers,
                         ::testing::Values(":", ":1", ":www-data", "1::", ":1:", "1:2:3", "a:b:c", "::", "-1",
                                           "1:-1", "+1", "2147483648", "1:2147483648", "4294967296",
                                           "4294967295", "18446744073709551616",
                                           "99999999999999999999999999999999", "a\nroot:x:0:0", "a\rb",
                                           std::string("a\0b", 3)));

TEST(ContainerUser, IsTheImagesUnlessTheRequestSaysOtherwise) {
  EXPECT_EQ(Show(*User("", "www-data:1004")), "'www-data':1004");
  EXPECT_EQ(Show(*User("run_as_user { value: 1000 }", "www-data:1004")), "1000:''");
  EXPECT_EQ(Show(*User("run_as_user { value: 0 }", "1002")), "0:''");
  EXPECT_EQ(Show(*User("run_as_user { value: 1000 } run_as_group { value: 2000 }")), "1000:2000");
  EXPECT_EQ(Show(*User("run_as_username: 'nobody'", "1002")), "'nobody':''");
  EXPECT_EQ(Show(*User("run_as_username: 'nobody' run_as_group { value: 0 }")), "'nobody':0");
  EXPECT_EQ(Show(*User("run_as_username: '1000'")), "1000:''");
}

TEST(ContainerUser, KeepsGroupsAndTheirPolicy) {
  auto merged = User("run_as_user { value: 1 } supplemental_groups: [1234, 0]");
  ASSERT_TRUE(merged);
  EXPECT_THAT(merged->supplementary, ::testing::ElementsAre(1234u, 0u));
  EXPECT_TRUE(merged->merge_image_groups);
  EXPECT_FALSE(User("supplemental_groups_policy: Strict")->merge_image_groups);
}

TEST(ContainerUser, TakesAsManyGroupsAsTheKernel) {
  v1::LinuxContainerSecurityContext context;
  for (int group = 0; group < 65'536; ++group) context.add_supplemental_groups(group);
  EXPECT_TRUE(ContainerUser(context, ""));
  context.add_supplemental_groups(1);
  EXPECT_TRUE(Refuses(ContainerUser(context, ""), Code::kInvalidArgument,
                      "linux.security_context.supplemental_groups", "65537"));
}

TEST(ContainerUser, RefusesContradictions) {
  const std::string prefix = "linux.security_context.";
  auto code = Code::kInvalidArgument;
  EXPECT_TRUE(Refuses(User("run_as_group { value: 1000 }"), code, prefix + "run_as_group", "1000"));
  EXPECT_TRUE(
      Refuses(User("run_as_group { value: 1000 }", "www-data"), code, prefix + "run_as_group", "1000"));
  EXPECT_TRUE(
      Refuses(User("run_as_user { value: 1 } run_as_username: 'a'"), code, prefix + "run_as_username", "a"));
  EXPECT_TRUE(Refuses(User("run_as_user { value: -1 }"), code, prefix + "run_as_user", "-1"));
  EXPECT_TRUE(Refuses(User("run_as_user { value: 4294967296 }"), code, prefix + "run_as_user", "4294967296"));
  EXPECT_TRUE(
      Refuses(User("run_as_user {} run_as_group { value: 2147483648 }"), code, prefix + "run_as_group"));
  EXPECT_TRUE(Refuses(User("run_as_username: 'a:b'"), code, prefix + "run_as_username", "a:b"));
  EXPECT_TRUE(Refuses(User("run_as_username: '2147483648'"), code, prefix + "run_as_username", "2147483648"));
  EXPECT_TRUE(Refuses(User("supplemental_groups: -5"), code, prefix + "supplemental_groups", "-5"));
  v1::LinuxContainerSecurityContext context;
  context.set_supplemental_groups_policy(static_cast<v1::SupplementalGroupsPolicy>(9));
  EXPECT_TRUE(Refuses(ContainerUser(context, ""), code, prefix + "supplemental_groups_policy", "9"));
}

TEST(ContainerUser, TakesNamesOfGroups) {
  shim::UserSpec user = *User("run_as_user { value: 1000 } run_as_group { value: 7 }");
  EXPECT_TRUE(AddNamedGroups("", {"audio", "video"}, user));
  EXPECT_EQ(Show(user), "1000:7");
  EXPECT_THAT(user.supplementary_names, ::testing::ElementsAre("audio", "video"));
  EXPECT_TRUE(AddNamedGroups("staff", {}, user));
  EXPECT_EQ(Show(user), "1000:'staff'");
  EXPECT_EQ(AddNamedGroups("a\nb", {}, user).error().code, Code::kInvalidArgument);
  for (const char* bad : {"a:b", "2147483648", "-1"})
    EXPECT_TRUE(Refuses(AddNamedGroups(bad, {}, user), Code::kInvalidArgument, "user", bad));
  for (const char* bad : {"", "a:b", "29", "+1"})
    EXPECT_TRUE(Refuses(AddNamedGroups("", {bad}, user), Code::kInvalidArgument, "group_names", bad));
  user.supplementary.resize(65'536);
  EXPECT_FALSE(AddNamedGroups("", {"one"}, user));
}

TEST(ContainerUser, DoesNotMindABadImageUserThatIsNotUsed) {
  EXPECT_TRUE(User("run_as_user { value: 5 }", "1:2:3"));
  EXPECT_TRUE(Refuses(User("", "1:2:3"), Code::kInvalidArgument, "image.user"));
}

}  // namespace
}  // namespace davit::cri
