// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace davit::images {
namespace {

// What a process under the filter gets: errno, 0 for success; -1 if a signal ended it.
int UnderTheFilter(const std::function<long()>& call) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!LoadSyscallFilter()) _exit(255);
    _exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class SyscallFilter : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef DAVIT_SANITIZED
    GTEST_SKIP() << "the filter is not loaded in sanitized builds";
#endif
  }
};

TEST_F(SyscallFilter, NoOtherProcessGetsASignal) {
  pid_t other = getpid();
  EXPECT_EQ(UnderTheFilter([&] { return syscall(SYS_tgkill, other, other, 0); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return syscall(SYS_tgkill, other | 1L << 32, other, 0); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return syscall(SYS_tkill, other, 0); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return kill(other, 0); }), EPERM);
  EXPECT_EQ(UnderTheFilter([] { return syscall(SYS_tgkill, getpid(), gettid(), 0); }), 0);
  EXPECT_EQ(UnderTheFilter([]() -> long { abort(); }), -1);
}

TEST_F(SyscallFilter, NoDescriptorSignalsAnotherProcess) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  int owner = getpid();
  EXPECT_EQ(UnderTheFilter([&] { return fcntl(ends[0], F_SETOWN, owner); }), EPERM);
  f_owner_ex owner_ex{F_OWNER_PID, owner};
  EXPECT_EQ(UnderTheFilter([&] { return fcntl(ends[0], F_SETOWN_EX, &owner_ex); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return fcntl(ends[0], F_SETSIG, SIGKILL); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return fcntl(ends[0], F_SETLEASE, F_RDLCK); }), EPERM);
  EXPECT_EQ(UnderTheFilter([&] { return fcntl(ends[0], F_SETFD, FD_CLOEXEC); }), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SyscallFilter, ThreadsStartButNoProcesses) {
  EXPECT_EQ(UnderTheFilter([] {
              std::thread([] {}).join();
              return 0L;
            }),
            0);
  EXPECT_EQ(UnderTheFilter([] { return static_cast<long>(fork()); }), EPERM);
}

}  // namespace
}  // namespace davit::images
