// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/json_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/seccomp.h>

#include <cerrno>

#include "base/testing/mutated_json.h"
#include "cri/host/seccomp/architecture.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

std::string Profile(const std::string& rules, const std::string& rest = "") {
  return R"({"defaultAction":"SCMP_ACT_ERRNO",)" + rest + R"("syscalls":[)" + rules + "]}";
}

std::vector<std::string> Names(const std::string& json, uint64_t capabilities = 0) {
  auto profile = ParseSeccompProfile(json, capabilities);
  EXPECT_TRUE(profile) << profile.error().ToString();
  std::vector<std::string> names;
  if (profile) {
    for (const SeccompRule& rule : profile->rules) names.push_back(rule.syscall);
  }
  return names;
}

TEST(JsonProfile, ReadsActionsAndErrnos) {
  auto profile = ParseSeccompProfile(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "syscalls": [
      {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
      {"name": "mount", "action": "SCMP_ACT_ERRNO", "errno": "EACCES", "errnoRet": 1},
      {"names": ["reboot"], "action": "SCMP_ACT_KILL_PROCESS"},
      {"names": ["acct"], "action": "SCMP_ACT_KILL"},
      {"names": ["chroot"], "action": "SCMP_ACT_LOG"},
      {"names": ["ptrace"], "action": "SCMP_ACT_TRAP"}
    ]})",
                                     0);
  ASSERT_TRUE(profile) << profile.error().ToString();
  EXPECT_EQ(profile->default_verdict, SECCOMP_RET_ERRNO | ENOSYS);
  ASSERT_EQ(profile->rules.size(), 7u);
  EXPECT_EQ(profile->rules[1].verdict, SECCOMP_RET_ALLOW);
  EXPECT_EQ(profile->rules[2].verdict, SECCOMP_RET_ERRNO | EACCES);
  EXPECT_EQ(profile->rules[3].verdict, SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(profile->rules[4].verdict, SECCOMP_RET_KILL_THREAD);
  EXPECT_EQ(profile->rules[5].verdict, SECCOMP_RET_LOG);
  EXPECT_EQ(profile->rules[6].verdict, SECCOMP_RET_TRAP);
}

TEST(JsonProfile, DropsRulesThatRepeatTheDefault) {
  EXPECT_THAT(Names(Profile(R"({"names":["mount"],"action":"SCMP_ACT_ERRNO"},
                              {"names":["mount"],"action":"SCMP_ACT_ALLOW"})")),
              ::testing::ElementsAre("mount"));
}

TEST(JsonProfile, ReadsConditions) {
  auto profile = ParseSeccompProfile(Profile(R"({"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[
        {"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"},
        {"index":1,"value":18446744073709551615,"op":"SCMP_CMP_NE"}]})"),
                                     0);
  ASSERT_TRUE(profile) << profile.error().ToString();
  ASSERT_EQ(profile->rules.size(), 1u);
  ASSERT_EQ(profile->rules[0].all_of.size(), 2u);
  EXPECT_EQ(profile->rules[0].all_of[0].op, SeccompOperator::kMaskedEqual);
  EXPECT_EQ(profile->rules[0].all_of[0].mask, 2114060288u);
  EXPECT_EQ(profile->rules[0].all_of[1].value, ~uint64_t{0});
}

TEST(JsonProfile, TakesSeveralConditionsOnOneArgumentAsAlternatives) {
  auto profile = ParseSeccompProfile(Profile(R"({"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[
        {"index":0,"value":0,"op":"SCMP_CMP_EQ"},{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]})"),
                                     0);
  ASSERT_TRUE(profile);
  ASSERT_EQ(profile->rules.size(), 2u);
  EXPECT_EQ(profile->rules[0].all_of.size(), 1u);
  EXPECT_EQ(profile->rules[1].all_of[0].value, 8u);
}

TEST(JsonProfile, AppliesIncludesAndExcludes) {
  std::string native = HostArchitectures().front().profile;
  std::string rules = R"(
    {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
    {"names":["clone"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}},
    {"names":["swapcontext"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["ppc64le"]}},
    {"names":["arch_prctl"],"action":"SCMP_ACT_ALLOW","includes":{"arches":[")" +
                      native + R"("]}},
    {"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
    {"names":["acct"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"400.0"}})";
  EXPECT_THAT(Names(Profile(rules)), ::testing::ElementsAre("clone", "arch_prctl", "ptrace"));
  EXPECT_THAT(Names(Profile(rules), uint64_t{1} << CAP_SYS_ADMIN),
              ::testing::ElementsAre("mount", "arch_prctl", "ptrace"));
}

TEST(JsonProfile, SpeaksForTheCompatArchitectureWhenAsked) {
  if (HostArchitectures().size() < 2) GTEST_SKIP() << "no 32-bit architecture beside the native one";
  std::string native = HostArchitectures()[0].oci, compat = HostArchitectures()[1].oci;
  EXPECT_FALSE(ParseSeccompProfile(Profile(""), 0)->compat_architecture);
  EXPECT_TRUE(
      ParseSeccompProfile(Profile("", R"("architectures":[")" + compat + R"("],)"), 0)->compat_architecture);
  EXPECT_TRUE(ParseSeccompProfile(Profile("", R"("archMap":[{"architecture":")" + native +
                                                  R"(","subArchitectures":[")" + compat + R"("]}],)"),
                                  0)
                  ->compat_architecture);
}

TEST(JsonProfile, ARuleForNoCallDoesNothing) {
  EXPECT_THAT(Names(Profile(R"({"names":[],"action":"SCMP_ACT_ALLOW"}, {"action":"SCMP_ACT_ALLOW"},
                               {"names":null,"action":"SCMP_ACT_WHAT"}, {"names":["read"],"action":"SCMP_ACT_ALLOW"})")),
              ::testing::ElementsAre("read"));
}

TEST(JsonProfile, LeavesAloneWhatChangesNoVerdict) {
  auto profile = ParseSeccompProfile(R"({"defaultAction":"SCMP_ACT_ERRNO", "$schema":"x",
    "archMap":[{"architecture":"SCMP_ARCH_MIPS","subArchitectures":[],"note":"x"}],
    "syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW","source":"x",
                 "args":[{"index":0,"value":40,"op":"SCMP_CMP_NE","comment":"no vsock"}]}]})",
                                     0);
  ASSERT_TRUE(profile) << profile.error().ToString();
  ASSERT_EQ(profile->rules.size(), 1u);
  ASSERT_EQ(profile->rules[0].all_of.size(), 1u);
  EXPECT_EQ(profile->rules[0].all_of[0].value, 40u);
}

TEST(JsonProfile, DoesNotReadRulesThatSayNothingHere) {
  EXPECT_THAT(
      Names(Profile(R"({"names":["read"],"action":"SCMP_ACT_NOTIFY","includes":{"caps":["CAP_SYS_ADMIN"]}},
                               {"names":["read"],"action":"SCMP_ACT_WHAT","includes":{"arches":["s390x"]}},
                               {"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"op":"?"}]})")),
      ::testing::IsEmpty());
}

TEST(JsonProfile, AKernelVersionMayHaveMoreThanTwoNumbers) {
  EXPECT_THAT(Names(Profile(R"(
    {"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8.0"}},
    {"names":["write"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8.0-rc1"}},
    {"names":["open"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"400.0.1"}},
    {"names":["close"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"4.8.0"}})")),
              ::testing::ElementsAre("read", "write"));
}

// As Go's decoder has it: a condition that is written so must not be lost.
TEST(JsonProfile, ReadsMembersInOtherCases) {
  auto profile = ParseSeccompProfile(R"({"DefaultAction":"SCMP_ACT_ERRNO","Syscalls":[
    {"Names":["clone"],"Action":"SCMP_ACT_ALLOW","Args":[{"Index":2,"Value":7,"Op":"SCMP_CMP_EQ"}],
     "Excludes":{"Caps":["CAP_SYS_ADMIN"]}}]})",
                                     0);
  ASSERT_TRUE(profile) << profile.error().ToString();
  ASSERT_EQ(profile->rules.size(), 1u);
  ASSERT_EQ(profile->rules[0].all_of.size(), 1u);
  EXPECT_EQ(profile->rules[0].all_of[0].argument, 2);
  EXPECT_EQ(profile->rules[0].all_of[0].value, 7u);
}

TEST(JsonProfile, NothingThrowsWhateverTypeAValueHas) {
  auto full =
      nlohmann::json::parse(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"EPERM",
    "architectures":["SCMP_ARCH_X86_64"],"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
    "syscalls":[{"names":["clone"],"name":"read","action":"SCMP_ACT_ALLOW","errnoRet":1,"errno":"EPERM","comment":"",
      "args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}],
      "includes":{"caps":["CAP_CHOWN"],"arches":["amd64"],"minKernel":"4.8"},
      "excludes":{"caps":["CAP_CHOWN"],"arches":["arm64"],"minKernel":"40.8"}}]})");
  for (const std::string& text : WithEachValueOfEachType(full)) {
    EXPECT_NO_THROW((void)ParseSeccompProfile(text, ~uint64_t{0})) << text;
  }
}

struct BadProfile {
  const char* json;
  const char* says;
};
class BadJsonProfile : public ::testing::TestWithParam<BadProfile> {};

TEST_P(BadJsonProfile, IsRefusedWithItsPlace) {
  auto profile = ParseSeccompProfile(GetParam().json, 0);
  ASSERT_FALSE(profile);
  EXPECT_THAT(profile.error().ToString(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadJsonProfile,
    ::testing::Values(
        BadProfile{"", "not a JSON object"}, BadProfile{"[]", "not a JSON object"},
        BadProfile{"{", "not a JSON object"}, BadProfile{"{}", "defaultAction: unknown action \"\""},
        BadProfile{R"({"defaultAction":"ALLOW"})", "unknown action \"ALLOW\""},
        BadProfile{R"({"defaultAction":"SCMP_ACT_NOTIFY"})", "listener"},
        BadProfile{R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096})", "4096 is larger"},
        BadProfile{R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EWHAT"})",
                   "\"EWHAT\" is not an errno"},
        BadProfile{R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":{}})", "syscalls: not a list"},
        BadProfile{R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[1]})", "not an object"},
        BadProfile{R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"]}]})", "action of read"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "arg":[]}]})",
            "unknown member \"arg\""},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "exclude":{"caps":["CAP_SYS_ADMIN"]}}]})",
            "did you mean \"excludes\"?"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]})",
            "6 is larger than 5"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "args":[{"index":0,"op":"=="}]}]})",
            "unknown operator"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]}]})",
            "not an unsigned integer"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "includes":{"cap":["CAP_SYS_ADMIN"]}}]})",
            "unknown member \"cap\""},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "includes":{"minKernel":"new"}}]})",
            "minKernel"},
        BadProfile{
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":[3],"action":"SCMP_ACT_ALLOW"}]})",
            "names: holds something else"}));

TEST(JsonProfile, RefusesHugeFiles) {
  EXPECT_FALSE(ParseSeccompProfile(std::string(2 << 20, ' '), 0));
}

TEST(JsonProfile, SurvivesDeepNesting) {
  EXPECT_FALSE(ParseSeccompProfile(std::string(500000, '['), 0));
}

}  // namespace
}  // namespace davit::cri
