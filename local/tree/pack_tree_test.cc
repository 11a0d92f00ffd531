// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/pack_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tree_listing.h"
#include "images/unpack/tar_reader.h"
#include "local/tree/extract_tree.h"
#include "local/tree/file_attributes.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackTree : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& data) {
    std::ofstream(tree_ / name, std::ios::binary) << data;
  }
  Result<> Pack(Unreadable unreadable = Unreadable::kFail) {
    TarOutput tar([this](std::string_view piece) -> Result<> {
      archive_ += piece;
      if (on_piece_) on_piece_();
      return {};
    });
    TreePacker packer(tar, outcome_, unreadable);
    TRY(packer.Add(tree_.fd(), ".", "."));
    return tar.Finish();
  }
  Result<> Unpack(const images::ScratchDir& into) {
    ExtractOptions options;
    options.owners = ExtractOptions::Owners::kOfArchive;
    std::unique_ptr<images::ChunkStream> stream = images::ChunksOf(archive_, 4096);
    CopyOutcome outcome;
    return TreeExtractor(into.fd(), options, outcome).Run(*stream);
  }
  std::vector<std::string> Names() {
    std::unique_ptr<images::ChunkStream> stream = images::ChunksOf(archive_, 4096);
    images::UnpackLimits limits;
    images::TarReader reader(*stream, limits);
    std::vector<std::string> names;
    for (auto entry = reader.Next(); entry && *entry; entry = reader.Next()) names.push_back((*entry)->name);
    return names;
  }

  images::ScratchDir tree_;
  std::string archive_;
  CopyOutcome outcome_;
  std::function<void()> on_piece_;
};

TEST_F(PackTree, ATreeComesBackAsItWas) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for owners and devices";
  mkdir((tree_ / "dir").c_str(), 0700);
  Write("dir/file", "content");
  Write("dir/empty", "");
  Write("dir/line\nbreak and \xff", "x");
  Write("dir/" + std::string(250, 'n'), "long");
  Write("setuid", "#!");
  chown((tree_ / "setuid").c_str(), 3'000'000'000, 7);
  chmod((tree_ / "setuid").c_str(), 06755);
  ASSERT_EQ(link((tree_ / "dir/file").c_str(), (tree_ / "hard").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", (tree_ / "soft").c_str()), 0);
  ASSERT_EQ(mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod((tree_ / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  setxattr((tree_ / "dir").c_str(), "user.note", "value", 5, 0);
  timespec times[2] = {{5, 6}, {1'234'567'890, 987'654'321}};
  utimensat(AT_FDCWD, (tree_ / "dir").c_str(), times, 0);
  ASSERT_TRUE(Pack()) << archive_.size();
  images::ScratchDir other;
  auto unpacked = Unpack(other);
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  EXPECT_EQ(images::ListTree(other.path()), images::ListTree(tree_.path()));
}

TEST_F(PackTree, GnuTarReadsIt) {
  mkdir((tree_ / "dir").c_str(), 0755);
  Write("dir/" + std::string(200, 'n'), "long");
  Write("dir/sparse", "start");
  ASSERT_EQ(truncate((tree_ / "dir/sparse").c_str(), 64 << 20), 0);
  ASSERT_TRUE(Pack());
  images::ScratchDir other;
  std::ofstream(other / "archive.tar", std::ios::binary) << archive_;
  ASSERT_EQ(system(("tar -C " + other.path() + " -xf " + (other / "archive.tar")).c_str()), 0);
  EXPECT_EQ(*ReadFile(other / ("dir/" + std::string(200, 'n'))), "long");
  EXPECT_EQ(std::filesystem::file_size(other / "dir/sparse"), uintmax_t{64 << 20});
  EXPECT_TRUE(ReadFile(other / "dir/sparse", 65 << 20)->starts_with(std::string("start\0", 6)));
}

// One that is opened for reading would wait for a writer.
TEST_F(PackTree, NothingSpecialIsOpened) {
  ASSERT_EQ(mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, (tree_ / "socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(Pack());
  EXPECT_THAT(Names(), ElementsAre("./", "./fifo"));
  ASSERT_EQ(outcome_.problems.count(), 1u);
  EXPECT_THAT(outcome_.problems.texts()[0], HasSubstr("socket"));
}

TEST_F(PackTree, AHugeSparseFileIsSmall) {
  Write("sparse", "x");
  ASSERT_EQ(truncate((tree_ / "sparse").c_str(), 1LL << 40), 0);
  ASSERT_TRUE(Pack());
  EXPECT_LT(archive_.size(), size_t{1} << 20);
}

// Each piece of data has a page; the pages are two apart but for one hole of a TiB.
TEST_F(PackTree, AFileOfManyPiecesOfDataIsNotReadAsAWhole) {
  constexpr off_t kPage = 4096, kPieces = 70'000, kEnd = 1LL << 40;
  UniqueFd file(memfd_create("sparse", MFD_CLOEXEC));
  for (off_t piece = 0; piece < kPieces; ++piece) ASSERT_EQ(pwrite(file.get(), "x", 1, 2 * kPage * piece), 1);
  ASSERT_EQ(pwrite(file.get(), "x", 1, kEnd), 1);
  struct stat status;
  ASSERT_EQ(fstat(file.get(), &status), 0);
  auto segments = FindSegments(file.get(), status);
  ASSERT_TRUE(segments);
  EXPECT_EQ(segments->back().offset, static_cast<uint64_t>(kEnd));
  uint64_t bytes = 0;
  for (const images::SparseSegment& segment : *segments) bytes += segment.length;
  EXPECT_LE(bytes, static_cast<uint64_t>(2 * kPage * kPieces + kPage));
}

TEST_F(PackTree, AFileThatChangesKeepsItsPlace) {
  std::string content(4 << 20, 'x');
  Write("a", content);
  Write("b", "after");
  on_piece_ = [&] {
    if (archive_.size() > 1 << 20) std::ignore = truncate((tree_ / "a").c_str(), 10);
  };
  ASSERT_TRUE(Pack());
  EXPECT_THAT(Names(), ElementsAre("./", "./a", "./b"));
  images::ScratchDir other;
  ASSERT_TRUE(Unpack(other));
  EXPECT_EQ(std::filesystem::file_size(other / "a"), content.size());
  EXPECT_EQ(*ReadFile(other / "b"), "after");
}

TEST_F(PackTree, AFileThatVanishesIsOmitted) {
  Write("a", "x");
  Write("b", "y");
  on_piece_ = [&] {
    if (archive_.find("./a") != std::string::npos) unlink((tree_ / "b").c_str());
  };
  ASSERT_TRUE(Pack());
  EXPECT_THAT(Names(), ElementsAre("./", "./a"));
}

TEST_F(PackTree, WhatTheKernelShowsIsNotRead) {
  UniqueFd proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TarOutput tar([this](std::string_view piece) -> Result<> {
    archive_ += piece;
    return {};
  });
  ASSERT_TRUE(TreePacker(tar, outcome_, Unreadable::kFail).Add(proc.get(), ".", "proc"));
  ASSERT_TRUE(tar.Finish());
  EXPECT_THAT(Names(), ElementsAre("proc/"));
}

TEST_F(PackTree, ATreeWithoutAnEndIsRefusedOrCut) {
  UniqueFd dir(open(tree_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 600; ++depth) {
    ASSERT_EQ(mkdirat(dir.get(), "d", 0755), 0);
    dir = UniqueFd(openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  Write("e", "x");
  Result<> packed = Pack(Unreadable::kFail);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().code, Code::kResourceExhausted);
  outcome_ = {};
  archive_.clear();
  ASSERT_TRUE(Pack(Unreadable::kSkip)) << "the rest is wanted";
  EXPECT_EQ(outcome_.problems.count(), 1u);
  EXPECT_EQ(Names().back(), "./e");
}

TEST_F(PackTree, AReaderThatLeavesEndsTheWork) {
  Write("a", "x");
  TarOutput tar([](std::string_view) -> Result<> { return SystemError("write", "output", EPIPE); });
  Result<> packed = TreePacker(tar, outcome_, Unreadable::kSkip).Add(tree_.fd(), ".", ".");
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().os_errno, EPIPE);
}

}  // namespace
}  // namespace davit::local
