// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/process_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace davit::cli {
namespace {

using ::testing::HasSubstr;

// Of proc_pid_stat(5): pid, name, state, ppid, pgrp, session, tty, …, utime, stime, …, starttime, …
constexpr char kRest[] = " S 7 42 42 34819 42 4194304 1 2 3 4 150 50 0 0 20 0 1 0 900 1 2 3";

TEST(ProcessStat, HasItsFieldsWhateverTheNameIs) {
  for (const char* name : {"sh", "a b", "x) S 1 (y", "()"}) {
    auto process = ParseProcessStat("42 (" + std::string(name) + ")" + kRest, /*ticks_per_second=*/100);
    ASSERT_TRUE(process) << name;
    EXPECT_EQ(process->command, name);
    EXPECT_EQ(process->parent, 7);
    EXPECT_EQ(process->terminal, 34819u);
    EXPECT_EQ(process->cpu_ms, 2000);
    EXPECT_EQ(process->started_ms, 9000);
  }
}

TEST(ProcessStat, RefusesOtherTexts) {
  for (const char* text : {"", "42", "42 (sh", "42 sh) S 7", ")(", "42 (sh) S 7 42", "42 (sh)"})
    EXPECT_FALSE(ParseProcessStat(text, 100)) << text;
  std::string letters = std::string("42 (sh)") + kRest;
  letters.replace(letters.find("150"), 3, "x50");
  EXPECT_FALSE(ParseProcessStat(letters, 100));
}

TEST(ProcessList, ReadsAProcessAndOmitsOneThatHasEnded) {
  std::optional<ProcessInfo> self = ReadProcess(getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->pid, getpid());
  EXPECT_EQ(self->parent, getppid());
  EXPECT_EQ(self->uid, geteuid());
  EXPECT_THAT(self->command, HasSubstr("cli_test"));
  EXPECT_FALSE(ReadProcess(1 << 30));
}

TEST(TerminalText, IsThatOfPs) {
  EXPECT_EQ(TerminalText(0), "?");
  EXPECT_EQ(TerminalText(static_cast<uint32_t>(makedev(136, 3))), "pts/3");
  EXPECT_EQ(TerminalText(static_cast<uint32_t>(makedev(137, 1))), "pts/257");
  EXPECT_EQ(TerminalText(static_cast<uint32_t>(makedev(4, 1))), "tty1");
  EXPECT_EQ(TerminalText(static_cast<uint32_t>(makedev(204, 64))), "204:64");
}

}  // namespace
}  // namespace davit::cli
