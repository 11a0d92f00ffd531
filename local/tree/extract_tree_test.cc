// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/extract_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"

namespace davit::local {
namespace {

using images::ScratchDir;
using images::TarBuilder;
using ::testing::HasSubstr;

class ExtractTree : public ::testing::Test {
 protected:
  ExtractTree() { options_.owners = ExtractOptions::Owners::kOwn; }

  Result<> Extract(const std::string& archive) {
    std::unique_ptr<images::ChunkStream> stream = images::ChunksOf(archive, 4096);
    return TreeExtractor(dir_.fd(), options_, outcome_).Run(*stream);
  }
  void Write(const std::string& path, const std::string& data) {
    std::ofstream(path, std::ios::binary) << data;
  }
  mode_t ModeOf(const std::string& name) {
    struct stat status{};
    EXPECT_EQ(lstat((dir_ / name).c_str(), &status), 0) << name;
    return status.st_mode;
  }

  ExtractOptions options_;
  CopyOutcome outcome_;
  ScratchDir outside_;
  ScratchDir dir_;
};

TEST_F(ExtractTree, FilesGoIntoTheDirectory) {
  ASSERT_TRUE(Extract(TarBuilder().Dir("a", 0750).File("a/f", "x").File("./implied/dir/g", "y").Finish()));
  EXPECT_EQ(*ReadFile(dir_ / "a/f"), "x");
  EXPECT_EQ(*ReadFile(dir_ / "implied/dir/g"), "y");
  EXPECT_EQ(ModeOf("a") & 07777, 0750u);
  EXPECT_EQ(outcome_.bytes, 2u);
}

TEST_F(ExtractTree, NothingLeavesTheDirectory) {
  Write(outside_ / "file", "untouched");
  for (const std::string& archive :
       {TarBuilder().File("../" + outside_.path() + "/file", "bad").Finish(),
        TarBuilder().Symlink("link", outside_.path()).File("link/file", "bad").Finish(),
        TarBuilder().Symlink("link", outside_.path()).HardLink("mine", "link/file").Finish(),
        TarBuilder().HardLink("mine", "../../../../../../etc/passwd").Finish(),
        TarBuilder().Symlink("up", "..").File("up/x", "bad").Finish(),
        TarBuilder().Symlink("link", outside_.path()).Dir("link").File("link/file", "bad").Finish()}) {
    Result<> extracted = Extract(archive);
    EXPECT_FALSE(extracted);
    EXPECT_EQ(*ReadFile(outside_ / "file"), "untouched");
    EXPECT_FALSE(std::filesystem::exists(dir_ / "mine"));
    std::filesystem::remove(dir_ / "link");
  }
  // An absolute name is one below the directory.
  ASSERT_TRUE(Extract(TarBuilder().File(outside_ / "file", "mine").Finish()));
  EXPECT_EQ(*ReadFile(outside_ / "file"), "untouched");
}

TEST_F(ExtractTree, ALinkIsReplacedAndNotWrittenThrough) {
  Write(outside_ / "file", "untouched");
  ASSERT_EQ(symlink((outside_ / "file").c_str(), (dir_ / "f").c_str()), 0);
  ASSERT_TRUE(Extract(TarBuilder().File("f", "new").Finish()));
  EXPECT_EQ(*ReadFile(outside_ / "file"), "untouched");
  EXPECT_EQ(*ReadFile(dir_ / "f"), "new");
  EXPECT_TRUE(S_ISREG(ModeOf("f")));
}

TEST_F(ExtractTree, LinksOnTheWayAreFollowedOnRequest) {
  options_.follow_links = true;
  mkdir((dir_ / "real").c_str(), 0755);
  ASSERT_EQ(symlink("real", (dir_ / "link").c_str()), 0);
  ASSERT_TRUE(Extract(TarBuilder().File("link/f", "x").Finish()));
  EXPECT_EQ(*ReadFile(dir_ / "real/f"), "x");
}

TEST_F(ExtractTree, DirectoriesAndOthersDoNotReplaceEachOther) {
  mkdir((dir_ / "d").c_str(), 0700);
  Write(dir_ / "f", "x");
  Result<> over_directory = Extract(TarBuilder().File("d", "x").Finish());
  ASSERT_FALSE(over_directory);
  EXPECT_THAT(over_directory.error().ToString(),
              HasSubstr("cannot overwrite directory with non-directory \"d\""));
  Result<> over_file = Extract(TarBuilder().Dir("f").Finish());
  ASSERT_FALSE(over_file);
  EXPECT_THAT(over_file.error().ToString(), HasSubstr("cannot overwrite non-directory with directory \"f\""));
}

TEST_F(ExtractTree, AnExistingDirectoryKeepsItsModeUnlessOwnersAreKept) {
  mkdir((dir_ / "d").c_str(), 0700);
  ASSERT_TRUE(Extract(TarBuilder().Dir("d", 0777).File("d/f", "x").Finish()));
  EXPECT_EQ(ModeOf("d") & 07777, 0700u);
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  options_.owners = ExtractOptions::Owners::kOfArchive;
  ASSERT_TRUE(Extract(TarBuilder().Dir("d", 0777).Finish()));
  EXPECT_EQ(ModeOf("d") & 07777, 0777u);
}

TEST_F(ExtractTree, OnlyKeptOwnersKeepSetUserId) {
  images::TarMember member;
  member.name = "su";
  member.mode = 06755;
  member.uid = 7;
  std::string archive = TarBuilder().Add(member).Finish();
  ASSERT_TRUE(Extract(archive));
  EXPECT_EQ(ModeOf("su") & 07777, 0755u);
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  options_.owners = ExtractOptions::Owners::kOfArchive;
  ASSERT_TRUE(Extract(archive));
  EXPECT_EQ(ModeOf("su") & 07777, 06755u);
}

TEST_F(ExtractTree, NamesAreStrippedAndPrefixed) {
  options_.strip = 1;
  options_.prefix = "new";
  ASSERT_TRUE(Extract(TarBuilder().Dir("old").File("old/f", "x").HardLink("old/g", "old/f").Finish()));
  EXPECT_EQ(*ReadFile(dir_ / "new/g"), "x");
  options_.strip = 0;
  options_.prefix = "all";
  ASSERT_TRUE(Extract(TarBuilder().Dir("./").File("./f", "y").Finish()));
  EXPECT_EQ(*ReadFile(dir_ / "all/f"), "y");
}

TEST_F(ExtractTree, DevicesAreLeftOutOnRequest) {
  options_.make_devices = false;
  images::TarMember member;
  member.name = "null";
  member.type = '3';
  member.major = 1;
  member.minor = 3;
  ASSERT_TRUE(Extract(TarBuilder().Add(member).Finish()));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "null"));
  EXPECT_EQ(outcome_.problems.count(), 1u);
}

TEST_F(ExtractTree, ADirectoryThatNobodyMayEnterIsFilled) {
  ASSERT_TRUE(Extract(TarBuilder().Dir("a", 0500).Dir("a/b", 0).File("a/b/f", "x").Finish()));
  EXPECT_EQ(ModeOf("a") & 07777, 0500u);
  chmod((dir_ / "a/b").c_str(), 0700);
  EXPECT_EQ(*ReadFile(dir_ / "a/b/f"), "x");
}

}  // namespace
}  // namespace davit::local
