// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/compiler.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>

#include "base/memfd.h"
#include "cri/host/seccomp/architecture.h"

namespace davit::cri {
namespace {

constexpr uint64_t kSysAdmin = uint64_t{1} << CAP_SYS_ADMIN;
constexpr char kSmall[] = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["chroot"],"action":"SCMP_ACT_ERRNO"}]})";

TEST(SeccompCompiler, SealsAnArrayOfInstructions) {
  SeccompCompiler compiler;
  auto filter = compiler.Default(0);
  ASSERT_TRUE(filter);
  auto bytes = ReadSealedMemfd((*filter)->memfd.get(), BPF_MAXINSNS * sizeof(sock_filter));
  ASSERT_TRUE(bytes) << bytes.error().ToString();
  EXPECT_EQ(bytes->size(), (*filter)->instructions * sizeof(sock_filter));
  EXPECT_GT((*filter)->instructions, 50u);
}

TEST(SeccompCompiler, SharesEqualFilters) {
  SeccompCompiler compiler;
  auto plain = compiler.Default(0).value();
  EXPECT_EQ(compiler.Default(0).value(), plain);
  EXPECT_EQ(compiler.Default(uint64_t{1} << CAP_CHOWN).value(), plain);  // makes no difference to the profile
  EXPECT_NE(compiler.Default(kSysAdmin).value(), plain);
  EXPECT_EQ(compiler.Json(kSmall, 0).value(), compiler.Json(kSmall, 0).value());
}

TEST(SeccompCompiler, AllowsSocketcallWhenItIsTold) {
  auto refused = SeccompCompiler().Default(0).value();
  auto allowed = SeccompCompiler(Socketcall::kAllowed).Default(0).value();
  auto bytes = [](const SeccompCompiler::Filter& filter) {
    return ReadSealedMemfd(filter->memfd.get(), BPF_MAXINSNS * sizeof(sock_filter)).value();
  };
  if (HostArchitectures().back().audit != AUDIT_ARCH_I386)
    GTEST_SKIP() << "no i386 calls on this architecture";
  EXPECT_NE(bytes(refused), bytes(allowed));
}

TEST(SeccompCompiler, ForgetsTheOldestButNotItsUsers) {
  SeccompCompiler compiler;
  auto first = compiler.Json(kSmall, 0).value();
  for (uint64_t i = 1; i <= 64; ++i) ASSERT_TRUE(compiler.Json(kSmall, i));
  EXPECT_TRUE(ReadSealedMemfd(first->memfd.get(), 1 << 16));
  EXPECT_NE(compiler.Json(kSmall, 0).value(), first);
}

TEST(SeccompCompiler, DoesNotRememberFailures) {
  SeccompCompiler compiler;
  EXPECT_FALSE(compiler.Json("{", 0));
  EXPECT_FALSE(compiler.Json("{", 0));
}

TEST(SeccompCompiler, PassesUnknownNamesOn) {
  SeccompCompiler compiler;
  auto filter = compiler.Json(
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","no_such_call"],"action":"SCMP_ACT_ALLOW"}]})",
      0);
  ASSERT_TRUE(filter);
  EXPECT_EQ((*filter)->skipped, std::vector<std::string>{"no_such_call"});
}

}  // namespace
}  // namespace davit::cri
