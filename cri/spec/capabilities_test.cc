// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/capabilities.h"

#include <linux/capability.h>

#include <initializer_list>

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

constexpr uint64_t kHost = (uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;

uint64_t Bits(std::initializer_list<int> numbers) {
  uint64_t mask = 0;
  for (int number : numbers) mask |= uint64_t{1} << number;
  return mask;
}

Result<shim::CapabilitySets> Sets(const std::string& context, uint64_t host = kHost) {
  return ContainerCapabilities(Proto<v1::LinuxContainerSecurityContext>(context), host);
}

TEST(Capabilities, AreFoundByNameInAnyForm) {
  for (const char* name : {"SYS_ADMIN", "CAP_SYS_ADMIN", "sys_admin", "cap_sys_admin", "Cap_Sys_Admin"}) {
    EXPECT_EQ(CapabilityByName(name), CAP_SYS_ADMIN) << name;
  }
  EXPECT_EQ(CapabilityByName("CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
  for (const char* name : {"", "CAP_", "21", "SYS_GOD", "CAP_CAP_SYS_ADMIN", "SYS_ADMIN "}) {
    EXPECT_EQ(CapabilityByName(name), std::nullopt) << name;
  }
}

TEST(Capabilities, HaveNames) {
  EXPECT_THAT(CapabilityNames(Bits({CAP_CHOWN, CAP_BPF})), ::testing::ElementsAre("CAP_CHOWN", "CAP_BPF"));
}

struct Case {
  const char* context;
  uint64_t expected;
};
class CapabilityCases : public ::testing::TestWithParam<Case> {};

TEST_P(CapabilityCases, GiveThePermittedSet) {
  auto sets = Sets(GetParam().context);
  ASSERT_TRUE(sets) << sets.error().ToString();
  EXPECT_EQ(sets->permitted, GetParam().expected);
  EXPECT_EQ(sets->effective, GetParam().expected);
  EXPECT_EQ(sets->bounding, GetParam().expected);
  EXPECT_EQ(sets->inheritable, 0u);
  EXPECT_EQ(sets->ambient, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, CapabilityCases,
    ::testing::Values(
        Case{"", DefaultCapabilities()},
        Case{"capabilities { add_capabilities: 'NET_ADMIN' }", DefaultCapabilities() | Bits({CAP_NET_ADMIN})},
        Case{"capabilities { add_capabilities: 'CAP_NET_ADMIN' }",
             DefaultCapabilities() | Bits({CAP_NET_ADMIN})},
        Case{"capabilities { drop_capabilities: 'CHOWN' }", DefaultCapabilities() & ~Bits({CAP_CHOWN})},
        Case{"capabilities { add_capabilities: 'ALL' }", kHost},
        Case{"capabilities { add_capabilities: 'all' }", kHost},
        Case{"capabilities { drop_capabilities: 'ALL' }", 0},
        Case{"capabilities { add_capabilities: 'ALL' drop_capabilities: 'CHOWN' }",
             kHost & ~Bits({CAP_CHOWN})},
        Case{"capabilities { add_capabilities: 'CHOWN' drop_capabilities: 'ALL' }", Bits({CAP_CHOWN})},
        Case{"capabilities { add_capabilities: 'ALL' drop_capabilities: 'ALL' }", 0},
        Case{"capabilities { add_capabilities: 'CHOWN' drop_capabilities: 'CHOWN' }",
             DefaultCapabilities() & ~Bits({CAP_CHOWN})},
        Case{"privileged: true", kHost},
        Case{"privileged: true capabilities { drop_capabilities: 'ALL' }", kHost}));

TEST(Capabilities, MakeAmbientOnesInheritableAndPermitted) {
  auto sets = Sets("capabilities { add_ambient_capabilities: 'NET_BIND_SERVICE' drop_capabilities: 'ALL' }");
  ASSERT_TRUE(sets);
  uint64_t bit = Bits({CAP_NET_BIND_SERVICE});
  EXPECT_EQ(sets->ambient, bit);
  EXPECT_EQ(sets->inheritable, bit);
  EXPECT_EQ(sets->permitted, bit);
  EXPECT_EQ(sets->bounding, bit);
}

TEST(Capabilities, NeverExceedTheHost) {
  uint64_t host = kHost & ~Bits({CAP_SYS_RESOURCE, CAP_CHOWN});
  EXPECT_EQ(Sets("privileged: true", host)->bounding, host);
  EXPECT_EQ(Sets("capabilities { add_capabilities: 'SYS_RESOURCE' }", host)->bounding,
            DefaultCapabilities() & host);
  EXPECT_EQ(Sets("capabilities { add_ambient_capabilities: 'SYS_RESOURCE' }", host)->ambient, 0u);
}

TEST(Capabilities, RefuseUnknownNames) {
  const std::string prefix = "linux.security_context.capabilities.";
  for (const char* field : {"add_capabilities", "drop_capabilities", "add_ambient_capabilities"}) {
    EXPECT_TRUE(Refuses(Sets(std::string("capabilities { ") + field + ": 'SYS_GOD' }"),
                        Code::kInvalidArgument, prefix + field, "SYS_GOD"));
  }
  EXPECT_TRUE(Refuses(Sets("capabilities { add_ambient_capabilities: 'CHOWN' drop_capabilities: 'CHOWN' }"),
                      Code::kInvalidArgument, prefix + "add_ambient_capabilities", "CAP_CHOWN"));
}

}  // namespace
}  // namespace davit::cri
