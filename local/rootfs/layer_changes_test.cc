// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs/layer_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

#include "images/testing/scratch_dir.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;

class Recorder : public ChangeSink {
 public:
  Result<> Take(const Change& change) override {
    seen.push_back(std::string(1, static_cast<char>(change.kind)) + " " + change.path +
                   (change.opaque ? " *" : ""));
    return {};
  }
  std::vector<std::string> seen;
};

class LayerChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root for whiteouts";
  }
  static void Touch(const images::ScratchDir& dir, const std::string& name) {
    std::ofstream(dir / name) << name;
  }
  // As if the directory had just been copied up.
  void Age(const std::string& name) {
    timespec times[2] = {{1000, 1}, {1000, 2}};
    for (const images::ScratchDir* dir : {&upper_, &base_})
      utimensat(AT_FDCWD, (*dir / name).c_str(), times, 0);
  }
  void MakeDirInBoth(const std::string& name) {
    for (const images::ScratchDir* dir : {&upper_, &base_}) mkdir((*dir / name).c_str(), 0755);
    for (size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('/', end - 1))
      Age(name.substr(0, end));
  }
  std::vector<std::string> Changes() {
    Recorder recorder;
    Result<> walked = LayerChanges(recorder, TooDeep::kOmit).Walk(upper_.fd(), base_.fd());
    EXPECT_TRUE(walked) << walked.error().ToString();
    return recorder.seen;
  }

  images::ScratchDir upper_;
  images::ScratchDir base_;
};

TEST_F(LayerChangesTest, FilesAreAddedModifiedAndDeleted) {
  Touch(base_, "changed");
  Touch(base_, "gone");
  Touch(upper_, "changed");
  Touch(upper_, "new");
  ASSERT_EQ(mknod((upper_ / "gone").c_str(), S_IFCHR, makedev(0, 0)), 0);
  ASSERT_EQ(mknod((upper_ / "never-there").c_str(), S_IFCHR, makedev(0, 0)), 0);
  EXPECT_THAT(Changes(), ElementsAre("C changed", "D gone", "A new"));
}

TEST_F(LayerChangesTest, ADirectoryIsModifiedIfSomethingInItIs) {
  MakeDirInBoth("touched");
  MakeDirInBoth("touched/deep");
  MakeDirInBoth("untouched");
  MakeDirInBoth("untouched/deep");
  Touch(upper_, "touched/deep/file");
  Age("touched/deep");
  Age("touched");
  EXPECT_THAT(Changes(), ElementsAre("C touched", "C touched/deep", "A touched/deep/file"));
}

TEST_F(LayerChangesTest, ATreeWithoutAnEndHidesNothingBehindIt) {
  mkdir((upper_ / "d").c_str(), 0755);
  UniqueFd dir(open((upper_ / "d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 600; ++depth) {
    ASSERT_EQ(mkdirat(dir.get(), "d", 0755), 0);
    dir = UniqueFd(openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  std::ofstream(upper_ / "e") << "x";
  EXPECT_EQ(Changes().back(), "A e");
  Recorder recorder;
  Result<> walked = LayerChanges(recorder, TooDeep::kFail).Walk(upper_.fd(), base_.fd());
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, Code::kResourceExhausted);
}

TEST_F(LayerChangesTest, ADirectoryIsModifiedIfItsModeIs) {
  MakeDirInBoth("dir");
  chmod((upper_ / "dir").c_str(), 0700);
  EXPECT_THAT(Changes(), ElementsAre("C dir"));
}

TEST_F(LayerChangesTest, AnOpaqueDirectoryHidesWhatIsBelow) {
  MakeDirInBoth("dir");
  Touch(base_, "dir/hidden");
  Touch(base_, "dir/kept");
  Touch(upper_, "dir/kept");
  Touch(upper_, "dir/new");
  if (setxattr((upper_ / "dir").c_str(), "trusted.overlay.opaque", "y", 1, 0) < 0)
    GTEST_SKIP() << "the filesystem of the scratch directory has no trusted.overlay.*";
  EXPECT_THAT(Changes(), ElementsAre("C dir *", "D dir/hidden", "C dir/kept", "A dir/new"));
}

TEST_F(LayerChangesTest, ANewDirectoryAndOneInThePlaceOfAFile) {
  mkdir((upper_ / "new").c_str(), 0755);
  Touch(upper_, "new/file");
  Touch(base_, "was-file");
  mkdir((upper_ / "was-file").c_str(), 0755);
  Touch(upper_, "was-file/x");
  EXPECT_THAT(Changes(), ElementsAre("A new", "A new/file", "C was-file", "A was-file/x"));
}

TEST_F(LayerChangesTest, MountPointsOfEveryContainerAreNoChanges) {
  mkdir((upper_ / "proc").c_str(), 0755);
  mkdir((upper_ / "dev").c_str(), 0755);
  Touch(upper_, "dev/device");
  EXPECT_THAT(Changes(), ElementsAre("A dev", "A dev/device"));
}

}  // namespace
}  // namespace davit::local
