// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture: a filesystem that is soon full.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace davit::images {

// A tmpfs of 16 MiB and 1,000 inodes, mounted nowhere.
class SmallDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes a filesystem";
    UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
    ASSERT_TRUE(context);
    Set(context.get(), "size", "16m");
    Set(context.get(), "nr_inodes", "1000");
    ASSERT_EQ(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), 0);
    root_ = UniqueFd(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
    ASSERT_TRUE(root_);
  }

  int root() const { return root_.get(); }
  struct statfs Now() const {
    struct statfs status{};
    EXPECT_EQ(fstatfs(root_.get(), &status), 0);
    return status;
  }

 private:
  static void Set(int context, const char* key, const char* value) {
    ASSERT_EQ(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0), 0) << key;
  }

  UniqueFd root_;
};

}  // namespace davit::images
