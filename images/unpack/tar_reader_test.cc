// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

struct Read {
  std::vector<TarEntry> entries;
  std::vector<std::string> data;
};

Result<Read> ReadTar(std::string_view archive, size_t chunk = 10'000, UnpackLimits limits = {}) {
  auto stream = ChunksOf(archive, chunk);
  TarReader reader(*stream, limits);
  Read read;
  while (auto entry = TRY(reader.Next())) {
    read.entries.push_back(*entry);
    std::string data;
    for (auto piece = TRY(reader.ReadData()); !piece.empty(); piece = TRY(reader.ReadData())) data += piece;
    read.data.push_back(std::move(data));
  }
  TRY(reader.Drain());
  return read;
}

TarEntry One(const TarBuilder& builder) {
  auto read = ReadTar(builder.Finish());
  EXPECT_TRUE(read) << read.error().ToString();
  if (!read || read->entries.empty()) return {};
  return read->entries[0];
}

Code WhyRefused(std::string_view archive, UnpackLimits limits = {}) {
  auto read = ReadTar(archive, 10'000, limits);
  EXPECT_FALSE(read);
  return read ? Code::kInternal : read.error().code;
}

TEST(TarReader, ReadsEveryTypeWhateverTheChunks) {
  TarBuilder builder;
  builder.Dir("./d/").File("./d/f", std::string(1500, 'x'), 04755).Symlink("s", "d/f").HardLink("h", "d/f");
  TarMember device;
  device.name = "c";
  device.type = '3';
  device.major = 5;
  device.minor = 1;
  builder.Add(device);
  device.name = "p";
  device.type = '6';
  builder.Add(device);
  for (size_t chunk : {1u, 13u, 511u, 512u, 513u, 100'000u}) {
    auto read = ReadTar(builder.Finish(), chunk);
    ASSERT_TRUE(read) << read.error().ToString();
    ASSERT_EQ(read->entries.size(), 6u);
    EXPECT_EQ(read->entries[0].type, TarType::kDirectory);
    EXPECT_EQ(read->entries[1].mode, 04755u);
    EXPECT_EQ(read->data[1], std::string(1500, 'x'));
    EXPECT_EQ(read->entries[2].link, "d/f");
    EXPECT_EQ(read->entries[3].type, TarType::kHardLink);
    EXPECT_EQ(read->entries[4].device_major, 5u);
    EXPECT_EQ(read->entries[4].device_minor, 1u);
    EXPECT_EQ(read->entries[5].type, TarType::kFifo);
  }
}

TEST(TarReader, SkipsDataThatNobodyReads) {
  TarBuilder builder;
  builder.File("a", std::string(100'000, 'x')).File("b", "y");
  auto stream = ChunksOf(builder.Unfinished(), 777);
  UnpackLimits limits;
  TarReader reader(*stream, limits);
  ASSERT_TRUE(reader.Next());
  auto second = reader.Next();
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->name, "b");
}

TEST(TarReader, PaxRecordsWin) {
  TarMember member;
  member.name = "short";
  member.pax = {{"path", std::string(300, 'p')},   {"uid", "3000000000"}, {"gid", "7"}, {"mtime", "1234.5"},
                {"SCHILY.xattr.user.a", "v=1\n2"}, {"comment", "ignored"}};
  TarEntry entry = One(TarBuilder().Add(member));
  EXPECT_EQ(entry.name, std::string(300, 'p'));
  EXPECT_EQ(entry.uid, 3'000'000'000u);
  EXPECT_EQ(entry.gid, 7u);
  EXPECT_EQ(entry.mtime.tv_sec, 1234);
  EXPECT_EQ(entry.mtime.tv_nsec, 500'000'000);
  EXPECT_THAT(entry.xattrs, ElementsAre(Pair("user.a", "v=1\n2")));
}

TEST(TarReader, TimesBefore1970KeepTheirFraction) {
  TarMember member;
  member.name = "f";
  member.pax = {{"mtime", "-1.25"}};
  TarEntry entry = One(TarBuilder().Add(member));
  EXPECT_EQ(entry.mtime.tv_sec, -2);
  EXPECT_EQ(entry.mtime.tv_nsec, 750'000'000);
}

TEST(TarReader, ReadsGnuLongNames) {
  std::string name(200, 'n');
  std::string link(200, 'l');
  TarMember long_name;
  long_name.name = "././@LongLink";
  long_name.type = 'L';
  long_name.data = name + '\0';
  TarMember long_link = long_name;
  long_link.type = 'K';
  long_link.data = link + '\0';
  TarEntry entry = One(TarBuilder().Add(long_name).Add(long_link).Symlink("cut", "cut"));
  EXPECT_EQ(entry.name, name);
  EXPECT_EQ(entry.link, link);
}

TEST(TarReader, ReadsBase256AndThePrefix) {
  TarMember member;
  member.name = "f";
  member.uid = 5'000'000;
  member.gid = 4'294'967'000;
  member.mtime = -5;
  TarEntry entry = One(TarBuilder().Raw(TarBuilder::Header(member, 345, "pre/fix")));
  EXPECT_EQ(entry.uid, 5'000'000u);
  EXPECT_EQ(entry.gid, 4'294'967'000u);
  EXPECT_EQ(entry.mtime.tv_sec, -5);
  EXPECT_EQ(entry.name, "pre/fix/f");
}

TEST(TarReader, AnArchiveMayEndWithoutItsMark) {
  EXPECT_EQ(ReadTar("")->entries.size(), 0u);
  EXPECT_EQ(ReadTar(std::string(1024, '\0'))->entries.size(), 0u);
  EXPECT_EQ(ReadTar(TarBuilder().File("f", "x").Unfinished())->entries.size(), 1u);
  EXPECT_EQ(ReadTar(TarBuilder().File("f", "x").Unfinished() + std::string(512, '\0'))->entries.size(), 1u);
  EXPECT_EQ(ReadTar(TarBuilder().File("f", "x").Finish() + std::string(5000, '\0'))->entries.size(), 1u);
}

// A file of 10,000 bytes with "one" at 0 and "two" at 5000, in each of the four ways to say so.
void ExpectSparse(const std::string& archive) {
  auto read = ReadTar(archive, 100);
  ASSERT_TRUE(read) << read.error().ToString();
  ASSERT_EQ(read->entries.size(), 1u);
  const TarEntry& entry = read->entries[0];
  EXPECT_EQ(entry.name, "sparse");
  EXPECT_EQ(entry.type, TarType::kFile);
  EXPECT_EQ(entry.size, 10'000u);
  ASSERT_TRUE(entry.segments);
  EXPECT_THAT(*entry.segments, ::testing::Contains(SparseSegment{5000, 3}));
  EXPECT_EQ(read->data[0], "onetwo");
}

std::string OldSparseHeader(const std::string& map, bool extended, const std::string& data) {
  TarMember member;
  member.name = "sparse";
  member.type = 'S';
  member.data = data;
  std::string patch(512 - 257, '\0');
  patch.replace(0, 8, std::string_view("ustar  \0", 8));
  patch.replace(386 - 257, map.size(), map);
  patch[482 - 257] = extended ? 1 : 0;
  patch.replace(483 - 257, 11, "00000023420");
  return TarBuilder::Header(member, 257, patch);
}
std::string OldSegment(const char* offset, const char* length) {
  return std::string(offset) + '\0' + length + '\0';
}

TEST(TarReader, ReadsOldGnuSparseFiles) {
  std::string map = OldSegment("00000000000", "00000000003") + OldSegment("00000011610", "00000000003");
  ExpectSparse(OldSparseHeader(map, false, "onetwo") + TarBuilder::Pad("onetwo"));
  std::string first = OldSegment("00000000000", "00000000003");
  std::string extension = OldSegment("00000011610", "00000000003") + OldSegment("00000023420", "00000000000");
  ExpectSparse(OldSparseHeader(first, true, "onetwo") + TarBuilder::Pad(extension) +
               TarBuilder::Pad("onetwo"));
}

TEST(TarReader, ReadsPaxSparseFiles) {
  TarMember member;
  member.name = "GNUSparseFile.1/sparse";
  member.data = "onetwo";
  member.pax = {{"GNU.sparse.size", "10000"}, {"GNU.sparse.numblocks", "2"}, {"GNU.sparse.offset", "0"},
                {"GNU.sparse.numbytes", "3"}, {"GNU.sparse.offset", "5000"}, {"GNU.sparse.numbytes", "3"},
                {"GNU.sparse.name", "sparse"}};
  ExpectSparse(TarBuilder().Add(member).Finish());
  member.pax = {
      {"GNU.sparse.size", "10000"}, {"GNU.sparse.map", "0,3,5000,3"}, {"GNU.sparse.name", "sparse"}};
  ExpectSparse(TarBuilder().Add(member).Finish());
  member.pax = {{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.name", "sparse"},
                {"GNU.sparse.realsize", "10000"}};
  member.data = TarBuilder::Pad("2\n0\n3\n5000\n3\n") + "onetwo";
  ExpectSparse(TarBuilder().Add(member).Finish());
}

TEST(TarReader, RefusesSparseMapsThatLie) {
  for (const char* map : {"0,3,2,3", "0,3,9998,3", "5000,3,0,3", "0,3", "0,7",
                          "0,3,5000,18446744073709551615", "0", "x,3,5,3", "0,3,5000,4"}) {
    TarMember member;
    member.name = "sparse";
    member.data = "onetwo";
    member.pax = {{"GNU.sparse.size", "10000"}, {"GNU.sparse.map", map}};
    EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish()), Code::kInvalidArgument) << map;
  }
  TarMember member;
  member.name = "sparse";
  member.pax = {{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "10"}};
  for (const std::string& data :
       {std::string("2\n0\n"), std::string(600, '1'), std::string("-1\n"), std::string()}) {
    member.data = data.empty() ? data : TarBuilder::Pad(data);
    EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish()), Code::kInvalidArgument) << data;
  }
}

TEST(TarReader, RefusesMalformedHeaders) {
  TarMember member;
  member.name = "f";
  std::string good = TarBuilder::Header(member);
  std::string wrong_checksum = good;
  wrong_checksum[0] = 'g';
  EXPECT_EQ(WhyRefused(wrong_checksum), Code::kInvalidArgument);
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member, 100, "1x3")), Code::kInvalidArgument);
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member, 124, std::string(12, '\xff'))), Code::kInvalidArgument);
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member, 124, "\x80\x01" + std::string(10, '\0'))),
            Code::kInvalidArgument);
  EXPECT_EQ(WhyRefused(std::string(512, '\0') + good), Code::kInvalidArgument);
  member.name = "";
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member)), Code::kInvalidArgument);
  member.name = "f";
  member.uid = -1;
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member)), Code::kInvalidArgument);
  member.uid = 0xffffffff;
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member)), Code::kInvalidArgument);
  member.uid = 0;
  member.type = 'M';
  EXPECT_EQ(WhyRefused(TarBuilder::Header(member)), Code::kUnimplemented);
}

TEST(TarReader, RefusesMalformedPax) {
  for (const std::string& records :
       {std::string("x"), std::string("5 a=b"), std::string("99 a=b\n"), std::string("6 a=bcd\n"),
        std::string("1 \n"), std::string("4 =\n"), std::string("18446744073709551616 a=b\n"),
        std::string("-5 a=b\n"), TarBuilder::PaxRecord("uid", "1x"), TarBuilder::PaxRecord("mtime", "1.x"),
        TarBuilder::PaxRecord("mtime", "."), TarBuilder::PaxRecord("path", std::string("a\0b", 3)),
        TarBuilder::PaxRecord("size", "-1"), TarBuilder::PaxRecord("SCHILY.xattr.", "v"),
        TarBuilder::PaxRecord("GNU.sparse.numbytes", "1")}) {
    TarMember pax;
    pax.name = "x";
    pax.type = 'x';
    pax.data = records;
    EXPECT_EQ(WhyRefused(TarBuilder().Add(pax).File("f", "").Finish()), Code::kInvalidArgument) << records;
  }
}

TEST(TarReader, EveryTruncationIsDataLossOrACleanEnd) {
  TarMember member;
  member.name = "f";
  member.data = std::string(700, 'x');
  member.pax = {{"mtime", "1"}};
  std::string whole = TarBuilder().Add(member).Unfinished();
  size_t end_of_data = whole.size() - (1024 - 700);
  for (size_t size = 1; size < end_of_data; ++size) {
    EXPECT_EQ(WhyRefused(std::string_view(whole).substr(0, size)), Code::kDataLoss) << size;
  }
  for (size_t size = end_of_data; size < whole.size(); ++size) {
    auto read = ReadTar(std::string_view(whole).substr(0, size));
    ASSERT_TRUE(read) << size << ": " << read.error().ToString();
    EXPECT_EQ(read->data[0], member.data) << size;
  }
}

TEST(TarReader, LimitsHold) {
  UnpackLimits limits;
  limits.header_bytes = 1000;
  limits.entries = 3;
  limits.stream_bytes = 20'000;
  limits.file_bytes = 5'000;
  limits.xattrs_per_entry = 2;
  limits.xattr_bytes = 100;
  limits.sparse_segments = 2;
  TarMember member;
  member.name = "f";
  member.pax = {{"comment", std::string(2000, 'c')}};
  EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish(), limits), Code::kResourceExhausted);
  member.pax = {{"SCHILY.xattr.user.a", std::string(101, 'v')}};
  EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish(), limits), Code::kResourceExhausted);
  member.pax = {{"SCHILY.xattr.user.a", ""}, {"SCHILY.xattr.user.b", ""}, {"SCHILY.xattr.user.c", ""}};
  EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish(), limits), Code::kResourceExhausted);
  member.pax = {{"GNU.sparse.size", "100"}, {"GNU.sparse.map", "0,0,1,0,2,0"}};
  EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish(), limits), Code::kResourceExhausted);
  member.pax = {{"GNU.sparse.size", "9223372036854775807"}, {"GNU.sparse.map", ""}};
  EXPECT_EQ(WhyRefused(TarBuilder().Add(member).Finish(), limits), Code::kResourceExhausted);
  EXPECT_EQ(WhyRefused(TarBuilder().File("f", std::string(5001, 'x')).Finish(), limits),
            Code::kResourceExhausted);
  EXPECT_EQ(WhyRefused(TarBuilder().Dir("1").Dir("2").Dir("3").Dir("4").Finish(), limits),
            Code::kResourceExhausted);
  EXPECT_EQ(WhyRefused(TarBuilder().Dir("1").Finish() + std::string(30'000, '\0'), limits),
            Code::kResourceExhausted);
  // Long names in a row are one entry's headers, too.
  TarMember name;
  name.name = "L";
  name.type = 'L';
  name.data = std::string(600, 'n');
  EXPECT_EQ(WhyRefused(TarBuilder().Add(name).Add(name).Finish(), limits), Code::kResourceExhausted);
}

}  // namespace
}  // namespace davit::images
