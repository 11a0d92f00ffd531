// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/plan.h"

#include <gmock/gmock.h>

#include "cli/compose/config_hash.h"
#include "cli/compose/model/testing/text_project.h"

namespace davit::cli::compose {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kShop[] =
    "services:\n  web: {image: web, depends_on: [db]}\n  db: {image: db, volumes: ['data:/d']}\n"
    "volumes: {data: }\n";

ContainerNow Now(const std::string& service, int64_t number, const std::string& hash = "h",
                 bool running = true) {
  return {.id = service + std::to_string(number),
          .name = "shop-" + service + "-" + std::to_string(number),
          .service = service,
          .number = number,
          .hash = hash,
          .image_id = "i",
          .running = running};
}

// What there is, and what is wanted: hashes "h" and images "i" unless a test changes them.
struct PlanTest : ::testing::Test {
  Project project = *LoadText(kShop);
  ProjectNow now;
  Wanted wanted{.hashes = {{"web", "h"}, {"db", "h"}}, .images = {{"web", "i"}, {"db", "i"}}};
  UpChoice choice{.services = {"db", "web"}, .named = {"db", "web"}};

  UpPlan Plan() { return *PlanUp(project, now, wanted, choice); }
  // "recreate shop-web-1".
  std::vector<std::string> Steps() {
    const char* words[] = {"keep", "start", "restart", "recreate", "create", "remove"};
    std::vector<std::string> steps;
    for (const ServiceSteps& service : Plan().services)
      for (const ContainerStep& step : service.steps)
        steps.push_back(std::string(words[static_cast<size_t>(step.step)]) + " " + step.name);
    return steps;
  }
};

TEST_F(PlanTest, MakesEverythingOfANewProject) {
  EXPECT_THAT(Steps(), ElementsAre("create shop-db-1", "create shop-web-1"));
  EXPECT_THAT(Plan().networks, ElementsAre("default"));
  EXPECT_THAT(Plan().volumes, ElementsAre("data"));
}

TEST_F(PlanTest, ChangesNothingTheSecondTime) {
  now.containers = {Now("web", 1), Now("db", 1)};
  now.networks = {"shop_default"};
  now.volumes = {"shop_data"};
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "keep shop-web-1"));
  EXPECT_THAT(Plan().networks, IsEmpty());
  EXPECT_THAT(Plan().volumes, IsEmpty());
}

TEST_F(PlanTest, ReplacesWhatHasChanged) {
  now.containers = {Now("web", 1), Now("db", 1, "old")};
  EXPECT_THAT(Steps(), ElementsAre("recreate shop-db-1", "keep shop-web-1"));
  now.containers = {Now("web", 1), Now("db", 1)};
  wanted.images["web"] = "newer";
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "recreate shop-web-1"));
  wanted.images.erase("web");
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "keep shop-web-1")) << "an image that is not known";
}

TEST_F(PlanTest, StartsWhatHasStopped) {
  now.containers = {Now("web", 1, "h", /*running=*/false), Now("db", 1)};
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "start shop-web-1"));
}

TEST_F(PlanTest, RecreatesAsTheOptionsSay) {
  now.containers = {Now("web", 1), Now("db", 1, "old")};
  choice.recreate = Recreate::kNever;
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "keep shop-web-1"));
  choice.recreate = Recreate::kAlways;
  choice.named = {"web"};
  now.containers = {Now("web", 1), Now("db", 1)};
  EXPECT_THAT(Steps(), ElementsAre("keep shop-db-1", "recreate shop-web-1")) << "not what it depends on";
}

TEST_F(PlanTest, ScalesUpAndDown) {
  now.containers = {Now("web", 2), Now("db", 1)};
  choice.scale = {{"web", 3}};
  EXPECT_THAT(Steps(),
              ElementsAre("keep shop-db-1", "create shop-web-1", "keep shop-web-2", "create shop-web-3"));
  now.containers = {Now("web", 1, "old"), Now("web", 2), Now("web", 3), Now("db", 1)};
  choice.scale = {{"web", 1}};
  EXPECT_THAT(Steps(),
              ElementsAre("keep shop-db-1", "remove shop-web-1", "remove shop-web-3", "keep shop-web-2"))
      << "the one that has changed is the first to go";
  choice.scale = {{"web", 0}};
  EXPECT_EQ(Steps().size(), 4u);
}

TEST_F(PlanTest, FindsOrphansButNotOneOffs) {
  now.containers = {Now("old", 1), Now("web", 1), Now("db", 1)};
  ContainerNow one_off = Now("gone", 1);
  one_off.one_off = true;
  now.containers.push_back(one_off);
  ASSERT_EQ(Plan().orphans.size(), 1u);
  EXPECT_EQ(Plan().orphans[0].name, "shop-old-1");
}

TEST_F(PlanTest, RestartsWhatAsksForItWithItsDependency) {
  project = *LoadText(
      "services: {web: {image: a, depends_on: {db: {condition: service_started, restart: true}}}, db: "
      "{image: b}}");
  now.containers = {Now("web", 1), Now("db", 1, "old")};
  EXPECT_THAT(Steps(), ElementsAre("recreate shop-db-1", "restart shop-web-1"));
}

TEST_F(PlanTest, MissesWhatOthersHaveToMake) {
  project = *LoadText("services: {web: {image: a}}\nnetworks: {default: {external: true, name: corp}}\n");
  choice.services = {"web"};
  Result<UpPlan> plan = PlanUp(project, now, wanted, choice);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().ToString(), HasSubstr("davit network create corp"));
  now.networks = {"corp"};
  EXPECT_TRUE(PlanUp(project, now, wanted, choice));
}

TEST(ConfigHash, ChangesWithWhatContainersAreMadeOf) {
  auto hash = [](const std::string& web, const Attachments& attachments = {}) {
    Project project = *LoadText("services: {web: {image: a, " + web + "}}\nsecrets: {s: {content: x}}\n");
    return ConfigHash(project, project.services.at("web"), attachments);
  };
  std::string plain = hash("tty: false");
  EXPECT_EQ(plain.size(), 64u);
  EXPECT_EQ(hash("tty: false, scale: 3"), plain);
  EXPECT_NE(hash("tty: true"), plain);
  EXPECT_NE(hash("tty: false, environment: {A: 1}"), plain);
  EXPECT_NE(hash("secrets: [s]", {.secrets = {{"s", "x"}}}), hash("secrets: [s]", {.secrets = {{"s", "y"}}}));
}

}  // namespace
}  // namespace davit::cli::compose
