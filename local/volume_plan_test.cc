// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volume_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/ids.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace api = ::davit::v1;

api::VolumeMount& Add(api::ContainerSpec& spec, const std::string& volume, const std::string& target) {
  api::VolumeMount& mount = *spec.add_volumes();
  mount.set_volume(volume);
  mount.set_target(target);
  return mount;
}

TEST(VolumePlan, NamedAndAnonymousOnes) {
  api::ContainerSpec spec;
  Add(spec, "data", "/srv//data/").set_read_only(true);
  Add(spec, "", "/cache").set_no_copy(true);
  std::vector<VolumeUse> uses = PlanVolumes(spec, {}).value();
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_EQ(uses[0].volume, "data");
  EXPECT_EQ(uses[0].target, "/srv/data");
  EXPECT_TRUE(uses[0].read_only);
  EXPECT_FALSE(uses[0].anonymous);
  EXPECT_TRUE(IsId(uses[1].volume));
  EXPECT_TRUE(uses[1].no_copy);
  EXPECT_TRUE(uses[1].anonymous);
}

TEST(VolumePlan, WhatTheImageDeclaresUnlessAMountCoversIt) {
  api::ContainerSpec spec;
  Add(spec, "data", "/data");
  spec.add_mounts()->set_target("/bound/");
  images::ImageConfig image;
  image.volumes = {"/data/", "/bound", "/var/lib/db", "relative", "/var//lib/db/"};
  std::vector<VolumeUse> uses = PlanVolumes(spec, image).value();
  ASSERT_THAT(uses, SizeIs(3));
  EXPECT_EQ(uses[1].target, "/var/lib/db");
  EXPECT_TRUE(uses[1].anonymous);
  EXPECT_EQ(uses[2].target, "/relative");
}

TEST(VolumePlan, OneTargetOnceAndNeverTheRoot) {
  api::ContainerSpec twice;
  Add(twice, "a", "/x");
  Add(twice, "b", "/y/../x");
  EXPECT_THAT(PlanVolumes(twice, {}).error().ToString(), HasSubstr("Duplicate mount point"));
  api::ContainerSpec with_bind;
  with_bind.add_mounts()->set_target("/x");
  Add(with_bind, "a", "/x");
  EXPECT_EQ(PlanVolumes(with_bind, {}).error().code, Code::kInvalidArgument);
  api::ContainerSpec root;
  Add(root, "a", "/x/..");
  EXPECT_EQ(PlanVolumes(root, {}).error().code, Code::kInvalidArgument);
  images::ImageConfig image;
  image.volumes = {"/"};
  EXPECT_EQ(PlanVolumes({}, image).error().code, Code::kInvalidArgument);
}

TEST(VolumePlan, AnImageMakesNoUnlimitedNumber) {
  images::ImageConfig image;
  for (int i = 0; i < kMostVolumesOfContainer; ++i) image.volumes.push_back("/v" + std::to_string(i));
  EXPECT_THAT(PlanVolumes({}, image).value(), SizeIs(kMostVolumesOfContainer));
  image.volumes.push_back("/more");
  EXPECT_EQ(PlanVolumes({}, image).error().code, Code::kInvalidArgument);
  image.volumes = {"/" + std::string(10'000, 'x')};
  EXPECT_EQ(PlanVolumes({}, image).error().code, Code::kInvalidArgument);
  image.volumes = {std::string("/a\0b", 4)};
  EXPECT_EQ(PlanVolumes({}, image).error().code, Code::kInvalidArgument);
  EXPECT_THAT(PlanVolumes({}, {}).value(), IsEmpty());
}

TEST(VolumePlan, MountsOfOthersGiveWayToOwnOnes) {
  api::ContainerSpec of_other;
  for (const char* target : {"/bound", "/own/"}) {
    api::BindMount& mount = *of_other.add_mounts();
    mount.set_source("/srv");
    mount.set_target(target);
  }
  const std::vector<VolumeUse> volumes = {
      {"data", "/data", /*read_only=*/true},
      {"named", "/t"},
      {std::string(64, 'a'), "/anonymous", false, false, /*anonymous=*/true}};
  api::ContainerSpec spec;
  Add(spec, "mine", "/own");
  spec.add_tmpfs()->set_target("/t");
  std::vector<VolumeUse> taken;
  TakeMounts({of_other, volumes}, spec, taken);
  ASSERT_EQ(spec.mounts_size(), 1);
  EXPECT_EQ(spec.mounts(0).target(), "/bound");
  EXPECT_FALSE(spec.mounts(0).read_only());
  ASSERT_THAT(taken, SizeIs(2));
  EXPECT_TRUE(taken[0].read_only && taken[0].no_copy && taken[0].must_exist);
  EXPECT_FALSE(taken[1].read_only);
  TakeMounts({of_other, volumes, /*read_only=*/true}, spec, taken);
  EXPECT_THAT(taken, SizeIs(2)) << "of two with one target, the first that is taken counts";

  images::ImageConfig image;
  image.volumes = {"/anonymous", "/data"};
  std::vector<VolumeUse> uses = PlanVolumes(spec, image, taken).value();
  ASSERT_THAT(uses, SizeIs(3));
  EXPECT_EQ(uses[0].volume, "mine");
  EXPECT_EQ(uses[1].volume, "data");
  EXPECT_FALSE(uses[1].anonymous);
  EXPECT_EQ(uses[2].volume, std::string(64, 'a'));
  EXPECT_TRUE(uses[2].anonymous);

  api::ContainerSpec reader;
  taken.clear();
  TakeMounts({of_other, volumes, /*read_only=*/true}, reader, taken);
  EXPECT_TRUE(reader.mounts(0).read_only() && taken[1].read_only);
}

TEST(VolumePlan, ATmpfsIsNoVolumeOfTheImage) {
  api::ContainerSpec spec;
  spec.add_tmpfs()->set_target("/data/");
  images::ImageConfig image;
  image.volumes = {"/data", "/other"};
  std::vector<VolumeUse> uses = PlanVolumes(spec, image).value();
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].target, "/other");
  spec.add_mounts()->set_target("/data");
  EXPECT_EQ(PlanVolumes(spec, image).error().code, Code::kInvalidArgument) << "two have one target";
}

}  // namespace
}  // namespace davit::local
