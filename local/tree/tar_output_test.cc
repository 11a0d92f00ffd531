// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/tar_output.h"

#include <gtest/gtest.h>

#include "images/unpack/tar_reader.h"

namespace davit::local {
namespace {

using images::TarEntry;
using images::TarType;

// The entries as a reader of layers sees them, with their data.
std::vector<std::pair<TarEntry, std::string>> ReadBack(const std::string& archive) {
  std::unique_ptr<images::ChunkStream> stream = images::ChunksOf(archive, 1000);
  images::UnpackLimits limits;
  images::TarReader reader(*stream, limits);
  std::vector<std::pair<TarEntry, std::string>> entries;
  while (true) {
    auto entry = reader.Next();
    EXPECT_TRUE(entry) << entry.error().ToString();
    if (!entry || !*entry) return entries;
    std::string data;
    for (std::string_view piece = *reader.ReadData(); !piece.empty(); piece = *reader.ReadData())
      data += piece;
    entries.emplace_back(**entry, data);
  }
}

class TarOutputTest : public ::testing::Test {
 protected:
  std::string archive_;
  TarOutput tar_{[this](std::string_view piece) -> Result<> {
    archive_ += piece;
    return {};
  }};
};

TEST_F(TarOutputTest, ValuesOfAnySizeComeBack) {
  TarEntry file;
  file.name = "line\nbreak/\xff\xfe" + std::string(200, 'x');
  file.mode = 06755;
  file.uid = 4'000'000'000;
  file.gid = 3'000'000;
  file.mtime = {-2, 500'000'000};
  file.size = 3;
  file.xattrs = {{"user.note", std::string("a\n=\0b", 5)}};
  ASSERT_TRUE(tar_.Begin(file));
  ASSERT_TRUE(tar_.Write("abc"));
  TarEntry link;
  link.type = TarType::kSymlink;
  link.name = "link";
  link.link = std::string(150, '/') + "target";
  link.mtime = {1'700'000'000, 123'456'789};
  ASSERT_TRUE(tar_.Begin(link));
  ASSERT_TRUE(tar_.Finish());

  auto entries = ReadBack(archive_);
  ASSERT_EQ(entries.size(), 2u);
  const TarEntry& read = entries[0].first;
  EXPECT_EQ(read.name, file.name);
  EXPECT_EQ(read.mode, file.mode);
  EXPECT_EQ(read.uid, file.uid);
  EXPECT_EQ(read.gid, file.gid);
  EXPECT_EQ(read.mtime.tv_sec, -2);
  EXPECT_EQ(read.mtime.tv_nsec, 500'000'000);
  EXPECT_EQ(read.xattrs, file.xattrs);
  EXPECT_EQ(entries[0].second, "abc");
  EXPECT_EQ(entries[1].first.link, link.link);
  EXPECT_EQ(entries[1].first.mtime.tv_nsec, 123'456'789);
}

TEST_F(TarOutputTest, ASparseFileHasOnlyItsData) {
  TarEntry file;
  file.name = "sparse";
  file.size = 1ULL << 40;
  file.segments = {{0, 2}, {1ULL << 39, 3}};
  ASSERT_TRUE(tar_.Begin(file));
  ASSERT_TRUE(tar_.Write("abcde"));
  ASSERT_TRUE(tar_.Finish());
  EXPECT_LT(archive_.size(), 10'000u);
  auto entries = ReadBack(archive_);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].first.name, "sparse");
  EXPECT_EQ(entries[0].first.size, file.size);
  file.segments->push_back({file.size, 0});  // the end
  EXPECT_EQ(entries[0].first.segments, file.segments);
  EXPECT_EQ(entries[0].second, "abcde");
}

TEST_F(TarOutputTest, MissingAndExcessiveDataAreRefused) {
  TarEntry file;
  file.name = "f";
  file.size = 2;
  ASSERT_TRUE(tar_.Begin(file));
  EXPECT_FALSE(tar_.Write("abc"));
  EXPECT_FALSE(tar_.Finish());
  ASSERT_TRUE(tar_.WriteZeros(2));
  EXPECT_TRUE(tar_.Finish());
}

}  // namespace
}  // namespace davit::local
