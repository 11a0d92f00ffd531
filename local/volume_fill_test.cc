// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volume_fill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/directory.h"
#include "base/file_io.h"
#include "images/testing/scratch_dir.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

bool never() {
  return false;
}

class VolumeFillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it gives files to others";
    for (const char* name : {"image", "outside", "volume", "volume/_data", "staging"})
      fs::create_directory(root_ / name);
    Write("outside/secret", "secret");
  }

  Result<> FillFrom(const std::string& path, const std::function<bool()>& stop = never) {
    UniqueFd image = OpenDirectory(root_.fd(), "image").value();
    UniqueFd staging = OpenDirectory(root_.fd(), "staging").value();
    return FillVolume({image.get(), path, Volume().get(), staging.get(), "fill"}, stop);
  }
  UniqueFd Volume() { return OpenDirectory(root_.fd(), "volume").value(); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::set<std::string> NamesIn(const std::string& path) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / path)) names.insert(entry.path().filename());
    return names;
  }

  images::ScratchDir root_;
};

TEST_F(VolumeFillTest, AnEmptyVolumeGetsTheDirectoryOfTheImage) {
  Write("image/srv/data/file", "text");
  ASSERT_EQ(chown((root_ / "image/srv/data").c_str(), 7, 8), 0);
  ASSERT_EQ(chmod((root_ / "image/srv/data").c_str(), 0750), 0);
  EXPECT_TRUE(IsUnfilled(Volume().get()).value());
  Result<> filled = FillFrom("/srv/data");
  ASSERT_TRUE(filled) << filled.error().ToString();
  EXPECT_EQ(ReadFile(root_ / "volume/_data/file").value(), "text");
  struct stat status{};
  ASSERT_EQ(stat((root_ / "volume/_data").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 7u);
  EXPECT_EQ(status.st_gid, 8u);
  EXPECT_EQ(status.st_mode & 07777, 0750u);
  EXPECT_THAT(NamesIn("volume"), ElementsAre("_data"));
  EXPECT_THAT(NamesIn("staging"), IsEmpty());
  EXPECT_FALSE(IsUnfilled(Volume().get()).value());
}

TEST_F(VolumeFillTest, AnEmptyDirectoryGivesItsOwnerAndMode) {
  fs::create_directory(root_ / "image/data");
  ASSERT_EQ(chown((root_ / "image/data").c_str(), 70, 70), 0);
  ASSERT_EQ(chmod((root_ / "image/data").c_str(), 0700), 0);
  ASSERT_TRUE(FillFrom("/data"));
  struct stat status{};
  ASSERT_EQ(stat((root_ / "volume/_data").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 70u);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(VolumeFillTest, AVolumeWithFilesStaysAsItIs) {
  Write("image/data/file", "of the image");
  Write("volume/_data/mine", "mine");
  ASSERT_EQ(chmod((root_ / "volume/_data").c_str(), 0711), 0);
  EXPECT_FALSE(IsUnfilled(Volume().get()).value());
  ASSERT_TRUE(FillFrom("/data"));
  EXPECT_THAT(NamesIn("volume/_data"), ElementsAre("mine"));
  struct stat status{};
  ASSERT_EQ(stat((root_ / "volume/_data").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0711u);
}

TEST_F(VolumeFillTest, AnImageWithoutThePathLeavesItEmpty) {
  Write("image/file", "text");
  EXPECT_TRUE(FillFrom("/no/such/directory"));
  EXPECT_TRUE(FillFrom("/file/below"));
  EXPECT_THAT(NamesIn("volume/_data"), IsEmpty());
}

// Links of the image lead to places in the image, or nowhere.
TEST_F(VolumeFillTest, NoLinkOfTheImageLeadsOut) {
  fs::create_symlink("../outside", root_ / "image/up");
  fs::create_symlink("../../../../../../../../.." + (root_ / "outside"), root_ / "image/far-up");
  fs::create_symlink(root_ / "outside", root_ / "image/absolute");
  fs::create_symlink("/proc/self/cwd", root_ / "image/magic");
  for (const char* path : {"/up", "/far-up", "/absolute", "/magic", "/../outside", "/x/../../outside"}) {
    Result<> filled = FillFrom(path);
    EXPECT_TRUE(filled) << path << ": " << filled.error().ToString();
    EXPECT_THAT(NamesIn("volume/_data"), IsEmpty()) << path;
  }
  Write("image/inner/file", "text");
  fs::create_symlink("/inner", root_ / "image/inside");
  ASSERT_TRUE(FillFrom("/inside"));
  EXPECT_THAT(NamesIn("volume/_data"), ElementsAre("file"));
}

TEST_F(VolumeFillTest, WhatIsNoDirectoryIsRefused) {
  Write("image/file", "text");
  Result<> filled = FillFrom("/file");
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, Code::kInvalidArgument);
  EXPECT_THAT(filled.error().ToString(), HasSubstr("cannot mount volume over existing file"));
  fs::create_symlink("loop", root_ / "image/loop");
  EXPECT_FALSE(FillFrom("/loop"));
}

TEST_F(VolumeFillTest, AFillThatEndsEarlyLeavesNothing) {
  for (int i = 0; i < 10; ++i) Write("image/data/" + std::to_string(i), "text");
  for (int most : {0, 1, 5, 12}) {
    int asked = 0;
    Result<> filled = FillFrom("/data", [&] { return ++asked > most; });
    ASSERT_FALSE(filled) << most;
    EXPECT_EQ(filled.error().code, Code::kCancelled);
    EXPECT_THAT(NamesIn("volume"), ElementsAre("_data"));
    EXPECT_THAT(NamesIn("volume/_data"), IsEmpty());
    EXPECT_THAT(NamesIn("staging"), IsEmpty());
  }
  EXPECT_TRUE(FillFrom("/data"));
  EXPECT_THAT(NamesIn("volume/_data"), ::testing::SizeIs(10));
}

// As after a crash in the middle.
TEST_F(VolumeFillTest, AFillThatWasInterruptedIsFinished) {
  Write("volume/filled/first", "first");
  Write("volume/filled/second", "second");
  Write("volume/filled/dir/third", "third");
  Write("volume/_data/second", "written by a container meanwhile");
  ASSERT_EQ(chmod((root_ / "volume/filled").c_str(), 0701), 0);
  EXPECT_TRUE(IsUnfilled(Volume().get()).value());
  Write("image/data/other", "of an image that is not wanted any more");
  ASSERT_TRUE(FillFrom("/data"));
  EXPECT_THAT(NamesIn("volume/_data"), ElementsAre("dir", "first", "second"));
  EXPECT_EQ(ReadFile(root_ / "volume/_data/second").value(), "written by a container meanwhile");
  EXPECT_THAT(NamesIn("volume"), ElementsAre("_data"));
  struct stat status{};
  ASSERT_EQ(stat((root_ / "volume/_data").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0701u);
}

}  // namespace
}  // namespace davit::local
