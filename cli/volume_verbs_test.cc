// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// volume create, ls, inspect, rm and prune.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class VolumeVerbs : public VerbFixture {
 protected:
  VolumeVerbs() {
    cri_.volumes().Add("data", {{"stage", "test"}}, {"c1"});
    cri_.volumes().Add("old");
  }
  std::string List(const std::vector<std::string>& filters) {
    return Answer(VolumeListOptions{.quiet = true, .filters = filters});
  }
};

TEST_F(VolumeVerbs, CreatePrintsTheName) {
  EXPECT_EQ(Answer(VolumeCreateOptions{.name = "new", .labels = {"a=b=c", "bare"}}), "new\n");
  EXPECT_EQ(Answer(VolumeCreateOptions{}), std::string(64, 'a') + "\n");
  auto json = nlohmann::json::parse(Answer(VolumeInspectOptions{.names = {"new"}}));
  EXPECT_EQ(json[0]["Labels"]["a"], "b=c");
  EXPECT_EQ(json[0]["Labels"]["bare"], "");
  Result<int> driver = Do(VolumeCreateOptions{.name = "x", .driver = "nfs"});
  ASSERT_FALSE(driver);
  EXPECT_THAT(driver.error().ToString(), HasSubstr("nfs"));
  EXPECT_FALSE(Do(VolumeCreateOptions{.name = "x", .labels = {"=x"}}));
}

TEST_F(VolumeVerbs, LsIsDockersTable) {
  EXPECT_EQ(Answer(VolumeListOptions{}),
            "DRIVER   VOLUME NAME\n"
            "local    data\n"
            "local    old\n");
  EXPECT_EQ(Answer(VolumeListOptions{.quiet = true}), "data\nold\n");
  EXPECT_EQ(Answer(VolumeListOptions{.format = "{{.Name}} {{.Mountpoint}} {{.Labels}}"}),
            "data /volumes/data/_data stage=test\nold /volumes/old/_data \n");
  EXPECT_EQ(Answer(VolumeListOptions{.format = "table {{.Driver}}\t{{.Name}}"}),
            "DRIVER   VOLUME NAME\nlocal    data\nlocal    old\n");
  EXPECT_EQ(Answer(VolumeListOptions{.filters = {"name=data"}, .format = "{{.Label \"stage\"}}"}), "test\n");
  auto json = nlohmann::json::parse(Answer(VolumeListOptions{}, OutputFormat::kJson));
  EXPECT_EQ(json[0]["Name"], "data");
  EXPECT_EQ(json[0]["Scope"], "local");
}

TEST_F(VolumeVerbs, LsFilters) {
  EXPECT_EQ(List({"dangling=true"}), "old\n");
  EXPECT_EQ(List({"dangling=false"}), "data\n");
  EXPECT_EQ(List({"name=at"}), "data\n");
  EXPECT_EQ(List({"name=at", "name=ol"}), "data\nold\n");
  EXPECT_EQ(List({"label=stage"}), "data\n");
  EXPECT_EQ(List({"label=stage=test"}), "data\n");
  EXPECT_EQ(List({"label=stage=other"}), "");
  EXPECT_EQ(List({"label=stage", "dangling=true"}), "");
  EXPECT_EQ(List({"driver=local", "name=old"}), "old\n");
  EXPECT_EQ(List({"driver=nfs"}), "");
  for (const auto& [bad, why] : {std::pair{"", "there are dangling, driver"},
                                 {"dangling=maybe", "write dangling=true"},
                                 {"nmae=x", "did you mean name?"},
                                 {"label", "write label=VALUE"},
                                 {"name=", "write"}}) {
    Result<int> refused = Do(VolumeListOptions{.filters = {bad}});
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().ToString(), HasSubstr(why));
  }
}

TEST_F(VolumeVerbs, InspectPrintsWhatItFinds) {
  auto json = nlohmann::json::parse(Answer(VolumeInspectOptions{.names = {"old", "data"}}));
  EXPECT_EQ(json[0]["Name"], "old");
  EXPECT_TRUE(json[0]["Labels"].is_null());
  EXPECT_EQ(json[1]["Mountpoint"], "/volumes/data/_data");
  EXPECT_EQ(json[1]["Driver"], "local");
  EXPECT_EQ(json[1]["Containers"][0], "c1");
  EXPECT_EQ(json[1]["CreatedAt"], "2026-01-02T03:00:00.000000000Z");
  EXPECT_EQ(Answer(VolumeInspectOptions{.names = {"data"}, .format = "{{.Mountpoint}}"}),
            "/volumes/data/_data\n");
  Result<int> missing = Do(VolumeInspectOptions{.names = {"data", "nothing"}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().ToString(), HasSubstr("no such volume"));
  EXPECT_THAT(console_.Out(), HasSubstr("\"data\""));
  EXPECT_EQ(StatusOfFailure(VolumeInspectOptions{}, missing.error()), 1);
}

TEST_F(VolumeVerbs, RmGoesOnAfterAFailure) {
  Result<int> removed = Do(VolumeRemoveOptions{.names = {"data", "old"}});
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().ToString(), HasSubstr("in use"));
  EXPECT_EQ(console_.Out(), "old\n");
  EXPECT_THAT(cri_.volumes().names(), ElementsAre("data"));
  EXPECT_FALSE(Do(VolumeRemoveOptions{.names = {"old"}}));
  EXPECT_TRUE(Do(VolumeRemoveOptions{.names = {"old"}, .force = true}));
  EXPECT_FALSE(Do(VolumeRemoveOptions{.names = {"data"}, .force = true})) << "it is in use";
}

TEST_F(VolumeVerbs, PruneTellsWhatIsGone) {
  EXPECT_EQ(Answer(VolumePruneOptions{.all = true, .force = true, .filters = {"label=stage=test"}}),
            "Deleted Volumes:\nold\n\nTotal reclaimed space: 4.2 MB\n");
  EXPECT_TRUE(cri_.volumes().last_prune().all());
  EXPECT_THAT(cri_.volumes().last_prune().labels(), ElementsAre("stage=test"));
  Result<int> unasked = Do(VolumePruneOptions{});
  ASSERT_FALSE(unasked);
  EXPECT_THAT(unasked.error().ToString(), HasSubstr("use --force"));
  EXPECT_FALSE(Do(VolumePruneOptions{.force = true, .filters = {"name=x"}}));
}

class PruneVerbs : public VerbFixture {
 protected:
  // One that has ended, one that runs and one that was never started.
  PruneVerbs() {
    cri_.images().Add("busybox");
    cri_.containers().SetScript({.exit_code = 0});
    EXPECT_TRUE(Do(RunOptions{.image = "busybox", .name = "ended", .detach = true}));
    cri_.containers().SetScript({});
    EXPECT_TRUE(Do(RunOptions{.image = "busybox", .name = "runs", .detach = true}));
    EXPECT_TRUE(Do(CreateOptions{RunOptions{.image = "busybox", .name = "new"}}));
    cri_.volumes().Add("data");
    console_.Out();
  }
};

TEST_F(PruneVerbs, ContainersThatRunStay) {
  Result<int> unasked = Do(ContainerPruneOptions{});
  ASSERT_FALSE(unasked);
  EXPECT_THAT(unasked.error().ToString(), HasSubstr("use --force"));
  EXPECT_THAT(Answer(ContainerPruneOptions{.force = true}), ::testing::StartsWith("Deleted Containers:\n"));
  EXPECT_THAT(cri_.containers().names(), ElementsAre("runs"));
  EXPECT_EQ(Answer(ContainerPruneOptions{.force = true}), "");
}

TEST_F(PruneVerbs, OfTheSystemTakesNetworks) {
  Answer(NetworkCreateOptions{.name = "back"});
  EXPECT_THAT(Answer(SystemPruneOptions{.force = true}), HasSubstr("Deleted Networks:\nback\n"));
  Answer(NetworkCreateOptions{.name = "front"});
  auto json = nlohmann::json::parse(Answer(SystemPruneOptions{.force = true}, OutputFormat::kJson));
  EXPECT_EQ(json["networks"], nlohmann::json::array({"front"}));
}

TEST_F(PruneVerbs, OfTheSystemTakesVolumesOnlyIfItShould) {
  EXPECT_FALSE(Do(SystemPruneOptions{}));
  std::string text = Answer(SystemPruneOptions{.all = true, .force = true});
  EXPECT_THAT(text, HasSubstr("Deleted Containers:\n"));
  EXPECT_THAT(text, HasSubstr("deleted: "));
  EXPECT_THAT(text, ::testing::EndsWith("Total reclaimed space: 4.2 MB\n"));
  EXPECT_THAT(cri_.containers().names(), ElementsAre("runs"));
  EXPECT_THAT(cri_.volumes().names(), ElementsAre("data"));
  EXPECT_THAT(Answer(SystemPruneOptions{.volumes = true, .force = true}),
              HasSubstr("Deleted Volumes:\nold\n"));
  EXPECT_FALSE(cri_.volumes().last_prune().all()) << "those with a name stay";
  auto json = nlohmann::json::parse(Answer(SystemPruneOptions{.force = true}, OutputFormat::kJson));
  EXPECT_TRUE(json["containers"].empty());
  EXPECT_TRUE(json["images"].contains("reclaimedBytes"));
  EXPECT_FALSE(json.contains("volumes"));
}

}  // namespace
}  // namespace davit::cli
