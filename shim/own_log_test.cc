// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/own_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "shim/late_logs.h"

namespace davit::shim {
namespace {

// From here on this process cannot examine files: its calls fail with EIO.
void LetStatFail() {
  auto is = [](uint32_t call) { return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call}; };
  const sock_filter fail{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EIO};
  sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      is(__NR_fstat),
      fail,
      is(__NR_newfstatat),
      fail,
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  sock_fprog program{sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) _exit(2);
}

// In a child: opens a log that cannot be examined, and writes a line.
[[noreturn]] void WriteToLogThatCannotBeExamined(UniqueFd fd) {
  EventLoop loop = *EventLoop::Create();
  Timers timers;
  Children children;
  Logger log(STDERR_FILENO, LogLevel::kError);
  LateLogs late_logs;
  OwnMounts own;
  Environment env{loop, timers, children, log, late_logs, {}, own, /*null_fd=*/-1, /*exits_dir=*/-1};
  OwnLog own_log;
  LetStatFail();
  bool opened = own_log.Open(env, std::move(fd)).has_value();
  own_log.Write("a line\n");
  _exit(opened ? 1 : 0);
}

TEST(OwnLog, ALogThatCannotBeExaminedIsWrittenAllTheSame) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  EXPECT_EXIT(WriteToLogThatCannotBeExamined(std::move(writer)), ::testing::ExitedWithCode(0), "");
  char text[64];
  ssize_t size = read(reader.get(), text, sizeof text);
  EXPECT_EQ(std::string(text, static_cast<size_t>(std::max<ssize_t>(size, 0))), "a line\n");
}

}  // namespace
}  // namespace davit::shim
