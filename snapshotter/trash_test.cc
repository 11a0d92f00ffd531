// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/trash.h"

#include <gmock/gmock.h>

#include "base/directory.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TrashTest : public ScratchTest {
 protected:
  std::unique_ptr<Trash> Open() {
    auto trash = std::make_unique<Trash>([this] { return OpenPrivateDirectory(dir_.get(), "trash"); });
    trash->Resume();
    return trash;
  }
  std::vector<std::string> Content() {
    UniqueFd trash(openat(dir_.get(), "trash", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto names = ListDirectory(trash.get());
    EXPECT_TRUE(names) << names.error().ToString();
    return names ? *names : std::vector<std::string>{};
  }
};

TEST_F(TrashTest, TakesAtOnceAndDeletesLater) {
  auto trash = Open();
  for (int i = 0; i < 20; ++i) {
    WriteTo(MakeDeep(dir_.get(), 5).get(), "file", "x");
    ASSERT_TRUE(trash->Take(dir_.get(), "d"));
    EXPECT_FALSE(Exists(dir_.get(), "d"));
  }
  trash->WaitIdle();
  EXPECT_THAT(Content(), IsEmpty());
  EXPECT_THAT(trash->Problems(), IsEmpty());
}

TEST_F(TrashTest, HasNoThreadBeforeThereIsSomethingToDelete) {
  Trash trash([this] { return OpenPrivateDirectory(dir_.get(), "trash"); });
  EXPECT_EQ(trash.threads(), 0U);
  MakeDeep(dir_.get(), 1);
  ASSERT_TRUE(trash.Take(dir_.get(), "d"));
  EXPECT_EQ(trash.threads(), 1U);
  trash.WaitIdle();
  EXPECT_THAT(Content(), IsEmpty());
}

TEST_F(TrashTest, SaysThatThereIsNothingToTake) {
  EXPECT_EQ(Open()->Take(dir_.get(), "absent").error().code, Code::kNotFound);
}

TEST_F(TrashTest, GoesOnWithWhatAnEarlierRunLeft) {
  ASSERT_EQ(mkdirat(dir_.get(), "trash", 0700), 0);
  UniqueFd old(openat(dir_.get(), "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  MakeDeep(old.get(), 100);
  auto trash = Open();
  trash->WaitIdle();
  EXPECT_THAT(Content(), IsEmpty());
}

TEST_F(TrashTest, ClosingInTheMiddleLeavesTheRestToTheNext) {
  UniqueFd big = MakeDeep(dir_.get(), 1);
  for (int i = 0; i < 5000; ++i) WriteTo(big.get(), std::to_string(i), "");
  ASSERT_TRUE(Open()->Take(dir_.get(), "d"));
  auto next = Open();
  next->WaitIdle();
  EXPECT_THAT(Content(), IsEmpty());
}

TEST_F(TrashTest, ADirectoryThatCannotBeOpenedIsReported) {
  std::vector<std::string> reported;
  Trash trash([]() -> Result<UniqueFd> { return SystemError("open", "trash", EIO); },
              [&](const std::string& name, const Error& error) {
                reported.push_back(name + std::to_string(error.os_errno));
              });
  trash.Resume();
  trash.WaitIdle();
  EXPECT_THAT(reported, ElementsAre(std::to_string(EIO)));
  MakeDeep(dir_.get(), 1);
  EXPECT_EQ(trash.Take(dir_.get(), "d").error().os_errno, EIO);
  EXPECT_TRUE(Exists(dir_.get(), "d"));
}

TEST_F(TrashTest, ReportsWhatCannotBeDeletedAndGoesOn) {
  MakeDeep(dir_.get(), 1);
  std::string target = path_ + "/d/mounted";
  ASSERT_EQ(mkdir(target.c_str(), 0755), 0);
  ASSERT_EQ(mount("tmpfs", target.c_str(), "tmpfs", 0, nullptr), 0);
  UniqueFd tree(openat(dir_.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto trash = Open();
  ASSERT_TRUE(trash->Take(dir_.get(), "d"));
  trash->WaitIdle();
  WriteTo(dir_.get(), "other", "");
  ASSERT_TRUE(trash->Take(dir_.get(), "other"));
  trash->WaitIdle();
  ASSERT_THAT(trash->Problems(), SizeIs(1));
  EXPECT_EQ(trash->Problems()[0].os_errno, EBUSY);
  EXPECT_THAT(Content(), SizeIs(1));

  ASSERT_EQ(umount2((path_ + "/trash/" + Content()[0] + "/mounted").c_str(), MNT_DETACH), 0);
  trash.reset();
  trash = Open();
  trash->WaitIdle();
  EXPECT_THAT(Content(), IsEmpty());
}

}  // namespace
}  // namespace davit::snapshotter
