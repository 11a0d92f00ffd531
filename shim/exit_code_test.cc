// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/exit_code.h"

#include <gtest/gtest.h>

namespace davit::shim {
namespace {

Error Failed(const char* step, int os_errno) {
  return SystemError(step, "/bin/program", os_errno).error();
}

TEST(ExitCode, SaysWhyTheProgramWasNotExecuted) {
  EXPECT_EQ(ExitCodeOf(Failed("exec", ENOENT)), kNotFound);
  EXPECT_EQ(ExitCodeOf(Within("start container web", Failed("exec", ENOENT))), kNotFound);
  for (int os_errno : {EACCES, EISDIR, ENOEXEC, ENOTDIR})
    EXPECT_EQ(ExitCodeOf(Failed("exec", os_errno)), kNotExecutable);
  EXPECT_EQ(ExitCodeOf(Failed("exec", EPERM)), std::nullopt);
}

TEST(ExitCode, IsNoneOfTheStepsBefore) {
  EXPECT_EQ(ExitCodeOf(Failed("openat2", ENOENT)), std::nullopt);
  EXPECT_EQ(ExitCodeOf(Within("start container web: mount /etc/hosts", Failed("open_tree", EACCES))),
            std::nullopt);
  EXPECT_EQ(ExitCodeOf(Failed("setexec", ENOENT)), std::nullopt);
}

}  // namespace
}  // namespace davit::shim
