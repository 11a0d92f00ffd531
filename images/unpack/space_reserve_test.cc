// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/space_reserve.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"
#include "images/testing/tar_builder.h"
#include "images/unpack/expansion_limit.h"
#include "images/unpack/layer_writer.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;

// A filesystem of 16 MiB and 1,000 inodes, mounted nowhere.
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
  void Set(int context, const char* key, const char* value) {
    ASSERT_EQ(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0), 0) << key;
  }
  Result<> Unpack(const std::string& archive) {
    auto stream = ChunksOf(archive, 10'000);
    TarReader reader(*stream, limits_);
    LayerWriter writer(root_.get(), limits_);
    while (auto entry = TRY(reader.Next())) TRY(writer.Apply(*entry, reader));
    return {};
  }
  struct statfs Now() {
    struct statfs status{};
    EXPECT_EQ(fstatfs(root_.get(), &status), 0);
    return status;
  }

  UnpackLimits limits_;
  UniqueFd root_;
};

TEST_F(SmallDisk, ALayerLeavesBytesInReserve) {
  auto full = Unpack(TarBuilder().File("f", std::string(20 << 20, 'x')).Finish());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_THAT(full.error().ToString(), HasSubstr("kept in reserve"));
  EXPECT_GT(Now().f_bavail, Now().f_blocks / 50 / 2);
  EXPECT_LT(Now().f_bavail, Now().f_blocks / 10) << "it used what it may";
}

TEST_F(SmallDisk, ALayerLeavesInodesInReserve) {
  TarBuilder files;
  for (int i = 0; i < 1000; ++i) files.File("d/" + std::to_string(i), "");
  auto full = Unpack(files.Finish());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_THAT(full.error().ToString(), HasSubstr("inodes"));
  EXPECT_GT(Now().f_ffree, 0u);
}

TEST_F(SmallDisk, ASparseFileUsesItsDataAlone) {
  TarMember sparse;
  sparse.name = "f";
  sparse.data = "data";
  sparse.pax = {{"GNU.sparse.size", "1000000000"}, {"GNU.sparse.map", "0,4"}};
  auto unpacked = Unpack(TarBuilder().Add(sparse).Finish());
  EXPECT_TRUE(unpacked) << unpacked.error().ToString();
}

TEST(ExpansionLimitTest, GrowsWithTheCompressedBytes) {
  UnpackLimits limits;
  limits.expansion = 10;
  limits.expanded_bytes = 100;
  std::string blob(50, 'c');
  auto pieces = [&](size_t plain_bytes) -> Result<> {
    auto input = ChunksOf(blob, 1000);
    CountedStream compressed(*input);
    std::string text(plain_bytes, 'p');
    auto plain = ChunksOf(text, 10);
    ExpansionLimit limited(*plain, compressed, limits);
    TRY(compressed.Next());
    while (!TRY(limited.Next()).empty()) {
    }
    return {};
  };
  EXPECT_TRUE(pieces(600));
  EXPECT_EQ(pieces(601).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace davit::images
