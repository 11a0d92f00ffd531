// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/layer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <fstream>

#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Layer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes devices and changes owners";
  }

  struct Unpacked : LayerNotes {
    uint64_t dropped_xattrs = 0;
  };
  Result<Unpacked> Unpack(const TarBuilder& builder, UnpackLimits limits = {}) {
    std::string archive = builder.Finish();
    auto stream = ChunksOf(archive, 10'000);
    TarReader reader(*stream, limits);
    LayerWriter writer(dir_.fd(), limits);
    while (auto entry = TRY(reader.Next())) TRY(writer.Apply(*entry, reader));
    UnpackReport report;
    TRY(writer.Finish(report));
    return Unpacked{writer.TakeNotes(), report.dropped_xattrs};
  }
  Unpacked MustUnpack(const TarBuilder& builder) {
    auto unpacked = Unpack(builder);
    EXPECT_TRUE(unpacked) << unpacked.error().ToString();
    return unpacked.value_or(Unpacked());
  }

  struct stat Stat(const std::string& name) {
    struct stat status{};
    EXPECT_EQ(lstat((dir_ / name).c_str(), &status), 0) << name;
    return status;
  }
  bool Exists(const std::string& name) {
    struct stat status;
    return lstat((dir_ / name).c_str(), &status) == 0;
  }
  bool IsWhiteout(const std::string& name) {
    struct stat status = Stat(name);
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
  }
  std::string Content(const std::string& name) {
    std::ifstream file(dir_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  ScratchDir dir_;
};

TEST_F(Layer, SetsAllMetadata) {
  TarMember member;
  member.name = "bin/tool";
  member.data = "#!";
  member.mode = 06755;
  member.uid = 100'000;
  member.gid = 3'000'000'000;
  std::string capability("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                         20);
  member.pax = {{"mtime", "1600000000.123456789"},
                {"SCHILY.xattr.user.note", "hello"},
                {"SCHILY.xattr.security.capability", capability},
                {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                {"SCHILY.xattr.security.selinux", "label"}};
  Unpacked layer = MustUnpack(TarBuilder().Dir("bin", 01777).Add(member));
  struct stat status = Stat("bin/tool");
  EXPECT_EQ(status.st_mode, S_IFREG | 06755u);
  EXPECT_EQ(status.st_uid, 100'000u);
  EXPECT_EQ(status.st_gid, 3'000'000'000u);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
  EXPECT_EQ(Stat("bin").st_mode, S_IFDIR | 01777u);
  EXPECT_EQ(Stat("bin").st_mtim.tv_sec, 1'000'000'000);  // although a file was made in it afterwards
  char value[64];
  std::string path = dir_ / "bin/tool";
  EXPECT_EQ(getxattr(path.c_str(), "user.note", value, sizeof value), 5);
  EXPECT_EQ(getxattr(path.c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_EQ(getxattr(path.c_str(), "trusted.overlay.redirect", value, sizeof value), -1);
  EXPECT_EQ(layer.dropped_xattrs, 2u);
  EXPECT_THAT(layer.implicit_dirs, ElementsAre(""));
}

TEST_F(Layer, MakesDevicesFifosAndSymlinks) {
  TarMember device;
  device.name = "null";
  device.type = '3';
  device.mode = 0666;
  device.major = 1;
  device.minor = 3;
  TarMember block = device;
  block.name = "disk";
  block.type = '4';
  TarMember fifo = device;
  fifo.name = "fifo";
  fifo.type = '6';
  MustUnpack(TarBuilder().Add(device).Add(block).Add(fifo).Symlink("link", "/no/where"));
  EXPECT_EQ(Stat("null").st_mode, S_IFCHR | 0666u);
  EXPECT_EQ(Stat("null").st_rdev, makedev(1, 3));
  EXPECT_TRUE(S_ISBLK(Stat("disk").st_mode));
  EXPECT_TRUE(S_ISFIFO(Stat("fifo").st_mode));
  EXPECT_EQ(std::filesystem::read_symlink(dir_ / "link"), "/no/where");
}

TEST_F(Layer, ReportsChecksumsOfContent) {
  TarMember sparse;
  sparse.name = "sparse";
  sparse.data = "onetwo";
  sparse.pax = {{"GNU.sparse.size", "1000000000"}, {"GNU.sparse.map", "0,3,500000000,3"}};
  std::string large(100'000, 'x');
  Unpacked layer =
      MustUnpack(TarBuilder().Dir("d", 0755).File("d/large", large).File("empty", "").Add(sparse));
  Checksum checksum;
  checksum.Update(large);
  EXPECT_THAT(layer.checksums, ElementsAre(FileChecksum{Stat("d/large").st_ino, checksum.value()}));
}

TEST_F(Layer, KeepsHolesOfSparseFiles) {
  TarMember member;
  member.name = "sparse";
  member.data = "onetwo";
  member.pax = {{"GNU.sparse.size", "1000000000"}, {"GNU.sparse.map", "0,3,500000000,3"}};
  MustUnpack(TarBuilder().Add(member));
  EXPECT_EQ(Stat("sparse").st_size, 1'000'000'000);
  EXPECT_LT(Stat("sparse").st_blocks, 1000);
  std::ifstream file(dir_ / "sparse");
  file.seekg(500'000'000);
  std::string tail(4, 'x');
  file.read(tail.data(), 4);
  EXPECT_EQ(tail, std::string("two\0", 4));
}

TEST_F(Layer, NotesDirectoriesThatNoEntryDescribes) {
  Unpacked layer = MustUnpack(TarBuilder().Dir("./").File("a/b/c", "").Dir("a/b").File("d/e", ""));
  EXPECT_THAT(layer.implicit_dirs, ElementsAre("a", "d"));
}

TEST_F(Layer, WhiteoutsTakeOverlaysForm) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .Dir("d")
                                  .Whiteout("d/", "gone")
                                  .File("d/.wh..wh..opq", "")
                                  .Whiteout("", "also")
                                  .File(".wh..wh.plnk/x", ""));
  EXPECT_TRUE(IsWhiteout("d/gone"));
  EXPECT_TRUE(IsWhiteout("also"));
  EXPECT_THAT(layer.opaque_dirs, ElementsAre("d"));
  EXPECT_FALSE(Exists(".wh..wh.plnk"));
}

TEST_F(Layer, WhatTheLayerHasItselfOutlivesAWhiteoutOfThatName) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .File("file", "new")
                                  .Whiteout("", "file")
                                  .Dir("dir")
                                  .File("dir/f", "")
                                  .Whiteout("", "dir")
                                  .Whiteout("", "late")
                                  .File("late", "new")
                                  .Whiteout("", "latedir")
                                  .Dir("latedir")
                                  .Whiteout("", "implied")
                                  .File("implied/f", ""));
  EXPECT_EQ(Content("file"), "new");
  EXPECT_EQ(Content("late"), "new");
  EXPECT_TRUE(Exists("dir/f"));
  EXPECT_TRUE(Exists("implied/f"));
  EXPECT_THAT(layer.opaque_dirs, ElementsAre("dir", "implied", "latedir"));
}

TEST_F(Layer, ALaterEntryReplacesAnEarlierOne) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .File("a", "old")
                                  .File("a", "new")
                                  .Dir("b")
                                  .File("b/c/d", "")
                                  .File("b/.wh..wh..opq", "")
                                  .File("b", "now a file")
                                  .Symlink("l", "/etc/passwd")
                                  .File("l", "no symlink")
                                  .Dir("k")
                                  .File("k/x", "")
                                  .Dir("k", 0700));
  EXPECT_EQ(Content("a"), "new");
  EXPECT_EQ(Content("b"), "now a file");
  EXPECT_EQ(Content("l"), "no symlink");
  EXPECT_TRUE(S_ISREG(Stat("l").st_mode));
  EXPECT_TRUE(Exists("k/x"));
  EXPECT_EQ(Stat("k").st_mode, S_IFDIR | 0700u);
  EXPECT_THAT(layer.implicit_dirs, ElementsAre(""));
  EXPECT_THAT(layer.opaque_dirs, IsEmpty());
}

TEST_F(Layer, SymlinkedParentsMeanWhatTheyMeanInTheContainer) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .Dir("usr/lib")
                                  .Symlink("lib", "usr/lib")
                                  .File("lib/a", "a")
                                  .Symlink("abs", "/usr")
                                  .File("abs/b", "b")
                                  .Symlink("usr/up", "../../../../usr/lib")
                                  .File("usr/up/c", "c")
                                  .Symlink("var/run", "/run")
                                  .File("var/run/d/e", "e")
                                  .Whiteout("lib/", "w"));
  EXPECT_EQ(Content("usr/lib/a"), "a");
  EXPECT_EQ(Content("usr/b"), "b");
  EXPECT_EQ(Content("usr/lib/c"), "c");
  EXPECT_EQ(Content("run/d/e"), "e");
  EXPECT_TRUE(IsWhiteout("usr/lib/w"));
  EXPECT_THAT(layer.implicit_dirs, ElementsAre("", "run", "run/d", "usr", "var"));
}

TEST_F(Layer, HardLinksAreOneFile) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .HardLink("early", "target")
                                  .File("target", "x")
                                  .HardLink("late", "/target")
                                  .Symlink("s", "target")
                                  .HardLink("link-to-symlink", "s"));
  EXPECT_EQ(Stat("early").st_ino, Stat("target").st_ino);
  EXPECT_EQ(Stat("late").st_ino, Stat("target").st_ino);
  EXPECT_EQ(Stat("link-to-symlink").st_ino, Stat("s").st_ino);
  EXPECT_THAT(layer.pending_links, IsEmpty());
}

TEST_F(Layer, LinksToLayersBelowAreReported) {
  Unpacked layer = MustUnpack(TarBuilder()
                                  .HardLink("d/link", "below/file")
                                  .Whiteout("", "hidden")
                                  .HardLink("link2", "hidden")
                                  .HardLink("replaced", "below/file")
                                  .File("replaced", ""));
  EXPECT_THAT(layer.pending_links,
              ElementsAre(PendingLink{"d/link", "below/file"}, PendingLink{"link2", "hidden"}));
}

TEST_F(Layer, NothingLeavesTheLayer) {
  ScratchDir canary;
  std::ofstream(canary / "file") << "untouched";
  std::string up;
  for (int i = 0; i < 40; ++i) up += "../";
  const std::string target = canary.path();
  const std::string relative = up + target.substr(1);
  struct Attack {
    const char* name;
    TarBuilder archive;
  };
  TarMember device;
  device.name = "link/null";
  device.type = '3';
  const Attack kAttacks[] = {
      {"dots", TarBuilder().File(relative + "/evil", "x")},
      {"inner dots", TarBuilder().Dir("a").File("a/../../evil", "x")},
      {"absolute", TarBuilder().File(target + "/evil", "x")},
      {"symlink parent", TarBuilder().Symlink("link", target).File("link/evil", "x")},
      {"relative symlink parent", TarBuilder().Symlink("link", relative).File("link/evil", "x")},
      {"symlink chain", TarBuilder().Symlink("a", "b").Symlink("b", target).Dir("a/evil")},
      {"symlinked file", TarBuilder().Symlink("file", target + "/file").File("file", "overwritten")},
      {"hard link out", TarBuilder().HardLink("link", target + "/file").File("link", "overwritten")},
      {"hard link by dots", TarBuilder().HardLink("link", relative + "/file")},
      {"hard link through symlink", TarBuilder().Symlink("link", target).HardLink("stolen", "link/file")},
      {"whiteout through symlink", TarBuilder().Symlink("link", target).Whiteout("link/", "file")},
      {"whiteout of dots", TarBuilder().File(".wh...", "")},
      {"whiteout of dot", TarBuilder().File("a/.wh..", "")},
      {"whiteout of nothing", TarBuilder().File(".wh.", "")},
      {"opaque through symlink", TarBuilder().Symlink("link", target).File("link/.wh..wh..opq", "")},
      {"device through symlink", TarBuilder().Symlink("link", target).Add(device)},
      {"replace a directory by a symlink",
       TarBuilder().Dir("d").File("d/x", "").Symlink("d", target).File("d/evil", "")},
      {"remove through symlink", TarBuilder().Symlink("d", target).Dir("d")},
      {"symlink loop", TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/x", "")},
      {"whiteout directory", TarBuilder().File(".wh.d/x", "")},
      {"hard link to root", TarBuilder().HardLink("x", "/")},
      {"root as a file", TarBuilder().File("./.", "")},
      {"file as directory", TarBuilder().File("f", "").File("f/x", "")},
  };
  for (const Attack& attack : kAttacks) {
    (void)Unpack(attack.archive);
    EXPECT_FALSE(std::filesystem::exists(canary / "evil")) << attack.name;
    EXPECT_FALSE(std::filesystem::exists(canary / "null")) << attack.name;
    std::ifstream file(canary / "file");
    std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(content, "untouched") << attack.name;
    struct stat status;
    ASSERT_EQ(stat((canary / "file").c_str(), &status), 0);
    EXPECT_EQ(status.st_nlink, 1u) << attack.name;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(canary.path()), {}), 1) << attack.name;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      std::filesystem::remove_all(entry);
  }
}

TEST_F(Layer, HostileNamesAreErrors) {
  const TarBuilder kHostile[] = {TarBuilder().File("../x", ""),
                                 TarBuilder().File("a/../x", ""),
                                 TarBuilder().File(".wh.", ""),
                                 TarBuilder().File(".wh...", ""),
                                 TarBuilder().File(".wh.d/x", ""),
                                 TarBuilder().HardLink("x", "../y"),
                                 TarBuilder().HardLink("x", "x"),
                                 TarBuilder().HardLink("x", "/"),
                                 TarBuilder().File("f", "").Dir("f/x"),
                                 TarBuilder().Dir("d").HardLink("l", "d"),
                                 TarBuilder().Symlink(".", "x"),
                                 TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/x", "")};
  for (const TarBuilder& hostile : kHostile) {
    auto report = Unpack(hostile);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kInvalidArgument) << report.error().ToString();
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      std::filesystem::remove_all(entry);
  }
}

TEST_F(Layer, DepthNotesAndPathsOfDirectoriesAreLimited) {
  UnpackLimits limits;
  limits.path_depth = 10;
  EXPECT_EQ(Unpack(TarBuilder().Dir("1/2/3/4/5/6/7/8/9/10/11"), limits).error().code,
            Code::kResourceExhausted);
  limits = {};
  limits.note_bytes = 100;
  TarBuilder many;
  for (int i = 0; i < 50; ++i) many.File("dir" + std::to_string(i) + "/f", "");
  EXPECT_EQ(Unpack(many, limits).error().code, Code::kResourceExhausted);
  TarBuilder links;
  for (int i = 0; i < 50; ++i) links.HardLink("link" + std::to_string(i), "elsewhere");
  EXPECT_EQ(Unpack(links, limits).error().code, Code::kResourceExhausted);
  limits = {};
  limits.dir_bytes = 1000;
  TarBuilder dirs;
  for (int i = 0; i < 50; ++i) dirs.Dir("listed" + std::to_string(i));
  EXPECT_EQ(Unpack(dirs, limits).error().code, Code::kResourceExhausted);
}

TEST_F(Layer, RemovesADeepTreeThatIsReplaced) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  MustUnpack(TarBuilder().File(deep + "f", "").File("d", "flat"));
  EXPECT_EQ(Content("d"), "flat");
}

}  // namespace
}  // namespace davit::images
