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

TEST(VolumePlan, ATmpfsIsNoVolumeOfTheImage) {
  ContainerSpec spec;
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
