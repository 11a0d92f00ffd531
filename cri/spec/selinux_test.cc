// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/selinux.h"

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

constexpr char kField[] = "linux.security_context.selinux_options";
constexpr char kDrawn[] = "s0:c1,c2";

SeLinuxHost Host() {
  return {.enabled = true,
          .enforcing = true,
          .process = {"system_u", "system_r", "container_t", "s0"},
          .file = {"system_u", "object_r", "container_file_t", "s0"},
          .shared_file = {}};
}

Result<SeLinuxContexts> Contexts(const std::string& container, const std::string& pod = "",
                                 const SeLinuxHost& host = Host()) {
  return ContainerContexts(Proto<v1::LinuxContainerSecurityContext>(container),
                           Proto<v1::LinuxSandboxSecurityContext>(pod), kDrawn, host);
}

struct ContextCase {
  const char* container;
  const char* pod;
  const char* process;
  const char* files;
};
class SeLinuxCases : public ::testing::TestWithParam<ContextCase> {};

TEST_P(SeLinuxCases, Choose) {
  auto contexts = Contexts(GetParam().container, GetParam().pod);
  ASSERT_TRUE(contexts) << contexts.error().ToString();
  EXPECT_EQ(contexts->process.ToString(), GetParam().process);
  EXPECT_EQ(contexts->files.ToString(), GetParam().files);
}

constexpr char kProcess[] = "system_u:system_r:container_t:s0:c1,c2";
constexpr char kFiles[] = "system_u:object_r:container_file_t:s0:c1,c2";
constexpr char kLevelProcess[] = "system_u:system_r:container_t:s0:c7,c9";
constexpr char kLevelFiles[] = "system_u:object_r:container_file_t:s0:c7,c9";
constexpr char kSpc[] = "system_u:system_r:spc_t:s0:c1,c2";

INSTANTIATE_TEST_SUITE_P(
    All, SeLinuxCases,
    ::testing::Values(
        ContextCase{"", "", kProcess, kFiles}, ContextCase{"selinux_options {}", "", kProcess, kFiles},
        ContextCase{"selinux_options { level: 's0:c7,c9' }", "", kLevelProcess, kLevelFiles},
        ContextCase{"", "selinux_options { level: 's0:c7,c9' }", kLevelProcess, kLevelFiles},
        ContextCase{"selinux_options { level: 's0:c7,c9' }", "selinux_options { level: 's0:c3' }",
                    kLevelProcess, kLevelFiles},
        ContextCase{"selinux_options { type: 'spc_t' }", "", kSpc, kFiles},
        ContextCase{"", "selinux_options { type: 'spc_t' }", kSpc, kFiles},
        ContextCase{"selinux_options { user: 'u' role: 'r' type: 't' level: 's1' }",
                    "selinux_options { user: 'x' role: 'x' type: 'x' level: 'x' }", "u:r:t:s1",
                    "u:object_r:container_file_t:s1"},
        // Those that are to reach what no container does.
        ContextCase{"privileged: true", "", "", kFiles},
        ContextCase{"privileged: true selinux_options { level: 's0:c7,c9' }", "", "", kLevelFiles},
        ContextCase{"privileged: true selinux_options { type: 'spc_t' }", "", kSpc, kFiles},
        ContextCase{"", "namespace_options { pid: NODE }", "", kFiles},
        ContextCase{"", "namespace_options { ipc: NODE }", "", kFiles},
        ContextCase{"namespace_options { pid: CONTAINER }", "namespace_options { pid: NODE }", kProcess,
                    kFiles},
        ContextCase{"", "namespace_options { network: NODE }", kProcess, kFiles},
        ContextCase{"namespace_options { pid: NODE } selinux_options { type: 'spc_t' }", "", kSpc, kFiles}));

TEST(SeLinux, IsNothingWhereThereIsNone) {
  auto contexts = Contexts("selinux_options { type: 'no type' level: '?' }", "", SeLinuxHost());
  ASSERT_TRUE(contexts) << contexts.error().ToString();
  EXPECT_EQ(*contexts, SeLinuxContexts());
  auto pod =
      PodContexts(Proto<v1::LinuxSandboxSecurityContext>("selinux_options { type: '?' }"), "", SeLinuxHost());
  ASSERT_TRUE(pod) << pod.error().ToString();
  EXPECT_EQ(*pod, SeLinuxContexts());
}

TEST(SeLinux, NamesTheFieldThatIsNone) {
  for (const char* part : {"user", "role", "type"}) {
    std::string options = std::string("selinux_options { ") + part + ": 'a:b' }";
    EXPECT_TRUE(Refuses(Contexts(options), Code::kInvalidArgument, std::string(kField) + "." + part, "a:b"));
    EXPECT_TRUE(Refuses(Contexts("", options), Code::kInvalidArgument,
                        "config." + std::string(kField) + "." + part, "a:b"));
  }
  EXPECT_TRUE(Refuses(Contexts("selinux_options { level: 's0 c1' }"), Code::kInvalidArgument,
                      std::string(kField) + ".level", "s0 c1"));
}

TEST(SeLinux, NothingRunsUnconfinedWhereThePolicyKnowsNoContainers) {
  SeLinuxHost silent{.enabled = true, .enforcing = true, .process = {}, .file = {}, .shared_file = {}};
  for (const char* context : {"", "selinux_options { type: 'container_t' }",
                              "privileged: true selinux_options { type: 'spc_t' }"}) {
    EXPECT_TRUE(Refuses(Contexts(context, "", silent), Code::kFailedPrecondition, kField, "lxc_contexts"))
        << context;
  }
  EXPECT_TRUE(Contexts("privileged: true", "", silent)) << "is confined by nothing anyway";
}

TEST(SeLinux, DrawsALevelForAPodThatHasNone) {
  auto sensitivity = [](const std::string& pod, const SeLinuxHost& host) {
    return SensitivityToDraw(Proto<v1::LinuxSandboxSecurityContext>(pod), host);
  };
  EXPECT_EQ(sensitivity("", Host()), "s0");
  EXPECT_EQ(sensitivity("selinux_options { type: 'spc_t' }", Host()), "s0");
  EXPECT_EQ(sensitivity("selinux_options { level: 's0:c1' }", Host()), "");
  EXPECT_EQ(sensitivity("", SeLinuxHost()), "");
  SeLinuxHost other = Host();
  other.process.level = "s2-s15:c0.c1023";
  EXPECT_EQ(sensitivity("", other), "s2");
  other.process.level = "";
  EXPECT_EQ(sensitivity("", other), "") << "a policy without levels";
}

}  // namespace
}  // namespace davit::cri
