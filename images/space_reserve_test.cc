// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/space_reserve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "images/testing/small_disk.h"
#include "images/testing/tar_builder.h"
#include "images/unpack/expansion_limit.h"
#include "images/unpack/layer_writer.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;

class UnpackingOnSmallDisk : public SmallDisk {
 protected:
  Result<> Unpack(const std::string& archive) {
    auto stream = ChunksOf(archive, 10'000);
    TarReader reader(*stream, limits_);
    LayerWriter writer(root(), limits_);
    while (auto entry = TRY(reader.Next())) TRY(writer.Apply(*entry, reader));
    return {};
  }

  UnpackLimits limits_;
};

TEST_F(UnpackingOnSmallDisk, ALayerLeavesBytesInReserve) {
  auto full = Unpack(TarBuilder().File("f", std::string(20 << 20, 'x')).Finish());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_THAT(full.error().ToString(), HasSubstr("kept in reserve"));
  EXPECT_GT(Now().f_bavail, Now().f_blocks / 50 / 2);
  EXPECT_LT(Now().f_bavail, Now().f_blocks / 10) << "it used what it may";
}

TEST_F(UnpackingOnSmallDisk, ALayerLeavesInodesInReserve) {
  TarBuilder files;
  for (int i = 0; i < 1000; ++i) files.File("d/" + std::to_string(i), "");
  auto full = Unpack(files.Finish());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_THAT(full.error().ToString(), HasSubstr("inodes"));
  EXPECT_GT(Now().f_ffree, 0u);
}

TEST_F(UnpackingOnSmallDisk, ASparseFileUsesItsDataAlone) {
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
