// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/exit_code.h"

#include <gtest/gtest.h>

#include "local/lifecycle.h"

namespace davit::local {
namespace {

Error SystemErrorOf(const char* step, int os_errno) {
  return SystemError(step, "/x", os_errno).error();
}

TEST(ExitCodeOfExec, IsThatOfTheProgramAndOfNoStepBeforeIt) {
  EXPECT_EQ(ExitCodeOfExec(SystemErrorOf("exec", ENOENT)), kNotFound);
  EXPECT_EQ(ExitCodeOfExec(Within("start container web", SystemErrorOf("exec", EACCES))), kNotExecutable);
  EXPECT_EQ(ExitCodeOfExec(SystemErrorOf("exec", EISDIR)), kNotExecutable);
  EXPECT_EQ(ExitCodeOfExec(SystemErrorOf("exec", ENOMEM)), std::nullopt);
  for (const char* step : {"open", "stat", "working directory: chdir", "mkdir"}) {
    EXPECT_EQ(ExitCodeOfExec(Within("mount source", SystemErrorOf(step, ENOENT))), std::nullopt) << step;
    EXPECT_EQ(ExitCodeOfExec(Within("exec", SystemErrorOf(step, EACCES))), std::nullopt) << step;
  }
}

}  // namespace
}  // namespace davit::local
