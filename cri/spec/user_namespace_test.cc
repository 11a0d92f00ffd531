// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/user_namespace.h"

#include "cri/spec/sandbox_plan.h"
#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

constexpr char kField[] = "options.";
#define RANGE "{ host_id: 65536 length: 65536 }"
#define MAPS "uids " RANGE " gids " RANGE

Result<shim::IdMap> Ids(const std::string& options) {
  return UserNamespaceOf(kField, Proto<v1::NamespaceOption>(options));
}

TEST(UserNamespace, HasTheIdsOfTheKubelet) {
  auto ids = Ids("userns_options { mode: POD " MAPS " }");
  ASSERT_TRUE(ids) << ids.error().ToString();
  EXPECT_EQ(ids->uids, (shim::IdRange{0, 65536, 65536}));
  EXPECT_EQ(ids->gids, (shim::IdRange{0, 65536, 65536}));
}

TEST(UserNamespace, IsNoneWithoutOptionsAndWithNode) {
  EXPECT_TRUE(Ids("").value().empty());
  EXPECT_TRUE(Ids("userns_options { mode: NODE }").value().empty());
}

TEST(UserNamespace, MayGoWithTheHostsNetwork) {
  EXPECT_FALSE(Ids("network: NODE userns_options { mode: POD " MAPS " }").value().empty());
}

struct BadOptions {
  const char* options;
  const char* field;
  const char* value;
};
class BadUserNamespaces : public ::testing::TestWithParam<BadOptions> {};

TEST_P(BadUserNamespaces, AreRefused) {
  EXPECT_TRUE(Refuses(Ids(GetParam().options), Code::kInvalidArgument, GetParam().field, GetParam().value));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUserNamespaces,
    ::testing::Values(
        BadOptions{"userns_options { mode: POD }", "options.userns_options.uids", "0 mappings"},
        BadOptions{"userns_options { mode: POD uids " RANGE " }", "options.userns_options.gids",
                   "0 mappings"},
        BadOptions{"userns_options { mode: POD uids " RANGE " uids " RANGE " gids " RANGE " }",
                   "options.userns_options.uids", "2 mappings"},
        BadOptions{"userns_options { mode: POD uids { container_id: 1 host_id: 1000 length: 9 } gids " RANGE
                   " }",
                   "options.userns_options.uids.container_id", "id 0"},
        BadOptions{"userns_options { mode: POD uids { host_id: 1000 } gids " RANGE " }",
                   "options.userns_options.uids.length", "nothing"},
        BadOptions{"userns_options { mode: POD uids " RANGE " gids { host_id: 4294967295 length: 1 } }",
                   "options.userns_options.gids.length", "last id"},
        BadOptions{"userns_options { mode: CONTAINER }", "options.userns_options.mode", "1"},
        BadOptions{"userns_options { mode: TARGET }", "options.userns_options.mode", "3"},
        BadOptions{"userns_options { mode: NODE uids " RANGE " }", "options.userns_options", "id mappings"},
        BadOptions{"pid: NODE userns_options { mode: POD " MAPS " }", "options.pid", "user namespace"},
        BadOptions{"ipc: NODE userns_options { mode: POD " MAPS " }", "options.ipc", "user namespace"}));

TEST(MountIds, NeedOneRangeOfEachKind) {
  auto ids = [](const std::string& mount) { return MountIds(Proto<v1::Mount>(mount)); };
  EXPECT_TRUE(ids("").value().empty());
  EXPECT_EQ(ids("uidMappings " RANGE " gidMappings " RANGE).value().gids.outside, 65536U);
  EXPECT_TRUE(Refuses(ids("uidMappings " RANGE), Code::kInvalidArgument, "mounts.gidMappings"));
  EXPECT_TRUE(Refuses(ids("gidMappings " RANGE), Code::kInvalidArgument, "mounts.uidMappings"));
}

TEST(UserNamespace, LimitsThePingGroupsToThoseThatAreMapped) {
  auto plan = BuildSandboxPlan(
      Proto<v1::PodSandboxConfig>("metadata { name: 'n' namespace: 'n' uid: 'u' } linux { sysctls { key: "
                                  "'net.ipv4.ping_group_range' value: '0 2147483647' } security_context { "
                                  "namespace_options { userns_options { " MAPS " } } } }"),
      "id");
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_FALSE(plan->ids.empty());
  EXPECT_EQ(plan->sysctls.at(0).value, "0 65535");
}

}  // namespace
}  // namespace davit::cri
