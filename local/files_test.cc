// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What LocalContainers gives to davit-rootfs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using WithMounts = LocalContainers::WithMounts;

class FilesTest : public ::testing::Test {
 protected:
  LocalContainers& local() { return world_.local(); }
  api::ContainerSpec SpecWithMount() {
    api::ContainerSpec spec = LocalWorld::Spec();
    api::BindMount& mount = *spec.add_mounts();
    mount.set_source("/");
    mount.set_target("/mnt");
    mount.set_read_only(true);
    return spec;
  }

  LocalWorld world_;
};

TEST_F(FilesTest, AContainerThatDoesNotRunIsMounted) {
  ASSERT_TRUE(local().Create("web", SpecWithMount()));
  auto files = local().OpenFiles("web", WithMounts::kYes, world_.Deadline());
  ASSERT_TRUE(files) << files.error().ToString();
  EXPECT_EQ(files->tree, RootfsTree::kMount);
  ASSERT_EQ(files->mounts.size(), 1u);
  EXPECT_EQ(files->mounts[0].target, "/mnt");
  EXPECT_TRUE(files->mounts[0].read_only);
  EXPECT_TRUE(local().OpenFiles("web", WithMounts::kNo, world_.Deadline())->mounts.empty());
}

TEST_F(FilesTest, VolumesAreMountedInAContainerThatDoesNotRun) {
  api::ContainerSpec spec = SpecWithMount();
  spec.mutable_mounts(0)->set_target("/data/in/it");
  spec.add_volumes()->set_volume("data");
  spec.mutable_volumes(0)->set_target("/data");
  ASSERT_TRUE(local().Create("web", spec));
  auto files = local().OpenFiles("web", WithMounts::kYes, world_.Deadline());
  ASSERT_TRUE(files) << files.error().ToString();
  ASSERT_EQ(files->mounts.size(), 2u);
  EXPECT_EQ(files->mounts[0].target, "/data");
  EXPECT_EQ(files->mounts[1].target, "/data/in/it");
  EXPECT_EQ(files->mounts[0].source, world_.volumes().DataOf("data"));
}

TEST_F(FilesTest, AStartEndsWhatHasTheFilesMounted) {
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec()));
  auto files = local().OpenFiles("web", WithMounts::kYes, world_.Deadline());
  auto changes = local().OpenChanges("web", world_.Deadline());
  ASSERT_TRUE(files);
  ASSERT_TRUE(changes) << changes.error().ToString();
  ASSERT_TRUE(local().Start("web", world_.Deadline()));
  EXPECT_TRUE(files->visit->ended());
  EXPECT_FALSE(changes->visit->ended());
  ASSERT_TRUE(local().Remove("web", /*force=*/true, world_.Deadline()));
  EXPECT_TRUE(changes->visit->ended());
}

TEST_F(FilesTest, AFailureToMountIsReturned) {
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec()));
  world_.world.steps.Fail("snapshots.Mount");
  EXPECT_FALSE(local().OpenFiles("web", WithMounts::kYes, world_.Deadline()));
  EXPECT_TRUE(local().Start("web", world_.Deadline())) << "the container is free";
  EXPECT_EQ(local().OpenFiles("nobody", WithMounts::kYes, world_.Deadline()).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace davit::local
