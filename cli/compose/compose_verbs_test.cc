// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verbs of `davit compose` against a daemon that runs nothing.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/compose/labels.h"
#include "cli/testing/verb_fixture.h"

namespace davit::cli::compose {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kShop[] =
    "services:\n  web: {image: busybox, depends_on: [db]}\n  db: {image: busybox, volumes: ['data:/d']}\n"
    "volumes: {data: }\n";

class ComposeVerbs : public VerbFixture {
 protected:
  ComposeVerbs() {
    setenv("DAVIT_COMPOSE_DIR", (dir_.path() + "/attachments").c_str(), /*replace=*/1);
    Write("shop/compose.yaml", kShop);
  }
  ~ComposeVerbs() override { unsetenv("DAVIT_COMPOSE_DIR"); }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::path path = dir_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Options With(Verb verb) const { return {{.files = {dir_.path() + "/shop/compose.yaml"}}, std::move(verb)}; }
  int Status(Verb verb) {
    Result<int> status = Do(With(std::move(verb)));
    EXPECT_TRUE(status) << status.error().ToString() << "\n" << console_.Err();
    return status.value_or(-1);
  }
  std::string FailureOf(Verb verb) {
    Result<int> status = Do(With(std::move(verb)));
    EXPECT_FALSE(status);
    return status ? "" : status.error().ToString();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names = cri_.containers().names();
    std::ranges::sort(names);
    return names;
  }
};

TEST_F(ComposeVerbs, UpMakesAProjectAndDownRemovesIt) {
  EXPECT_EQ(Status(Up{.detach = true}), 0);
  EXPECT_THAT(cri_.containers().calls(),
              ElementsAre("Create shop-db-1", "Start shop-db-1", "Create shop-web-1", "Start shop-web-1"));
  EXPECT_THAT(cri_.volumes().names(), ElementsAre("shop_data"));
  EXPECT_EQ(cri_.containers().last_spec().network_name(), "shop_default");
  EXPECT_THAT(Answer(With(Ps{})), AllOf(HasSubstr("shop-web-1"), HasSubstr("shop-db-1")));
  EXPECT_THAT(Answer(With(Ls{})), HasSubstr("running(2)"));

  EXPECT_EQ(Status(Down{.volumes = true}), 0);
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(cri_.volumes().names(), IsEmpty());
  EXPECT_THAT(console_.Err(), HasSubstr(" Network shop_default  Removed"));
  std::vector<std::string> calls = cri_.containers().calls();
  EXPECT_THAT(std::vector<std::string>(calls.begin() + 4, calls.end()),
              ElementsAre("Stop shop-web-1 default", "Remove shop-web-1 with volumes",
                          "Stop shop-db-1 default", "Remove shop-db-1 with volumes"));
}

TEST_F(ComposeVerbs, UpAgainChangesOnlyWhatHasChanged) {
  Status(Up{.detach = true});
  size_t calls = cri_.containers().calls().size();
  Status(Up{.detach = true});
  EXPECT_EQ(cri_.containers().calls().size(), calls) << console_.Err();
  Write("shop/compose.yaml", std::string(kShop) + "x-a: 1\n");
  Status(Up{.detach = true});
  EXPECT_EQ(cri_.containers().calls().size(), calls);
  std::string changed = kShop;
  changed.replace(changed.find("depends_on"), 0, "environment: {A: 1}, ");
  Write("shop/compose.yaml", changed);
  Status(Up{.detach = true});
  std::vector<std::string> all = cri_.containers().calls();
  EXPECT_THAT(
      std::vector<std::string>(all.begin() + static_cast<ptrdiff_t>(calls), all.end()),
      ElementsAre(HasSubstr("-new"), "Stop shop-web-1 default", "Remove shop-web-1", "Start shop-web-1"));
  EXPECT_THAT(Names(), ElementsAre("shop-db-1", "shop-web-1"));
}

TEST_F(ComposeVerbs, ScalesAndRemovesOrphans) {
  Status(Up{.scale = {"web=3"}, .detach = true});
  EXPECT_EQ(Names().size(), 4u);
  Write("shop/compose.yaml", "services: {db: {image: busybox}}");
  Status(Up{.detach = true});
  EXPECT_THAT(console_.Err(), HasSubstr("--remove-orphans removes it"));
  EXPECT_EQ(Names().size(), 4u);
  Status(Up{.detach = true, .remove_orphans = true});
  EXPECT_THAT(Names(), ElementsAre("shop-db-1"));
  EXPECT_THAT(FailureOf(Up{.scale = {"db=x"}}), HasSubstr("write SERVICE=NUMBER"));
  EXPECT_THAT(FailureOf(Up{.scale = {"dbb=1"}}), HasSubstr("did you mean db?"));
}

TEST_F(ComposeVerbs, UpInTheForegroundShowsOutputUntilAllHaveEnded) {
  cri_.containers().SetScript({.log = "2926-01-02T03:04:05.000000000Z stdout F hello\n", .exit_code = 3});
  EXPECT_EQ(Status(Up{}), 0);
  EXPECT_THAT(console_.Out(), AllOf(HasSubstr("web-1 | hello\n"), HasSubstr("db-1  | hello\n")));
  EXPECT_THAT(console_.Err(), HasSubstr("web-1 exited with code 3"));
  EXPECT_EQ(Status(Up{.services = {"web"}, .exit_code_from = "web"}), 3);
}

TEST_F(ComposeVerbs, AnInterruptStopsWhatRuns) {
  std::jthread presser([this] {
    cri_.containers().AwaitRunning();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    Press();
  });
  EXPECT_EQ(Status(Up{}), kInterrupted);
  EXPECT_THAT(console_.Err(),
              AllOf(HasSubstr("press Ctrl-C again"), HasSubstr("Container shop-web-1  Stopped"),
                    HasSubstr("Container shop-db-1  Stopped")));
}

TEST_F(ComposeVerbs, AFailureKeepsFromStartingWhatDependsOnIt) {
  cri_.containers().SetScript({.start_error = "no such program"});
  EXPECT_THAT(FailureOf(Up{.detach = true}), AllOf(HasSubstr("services.db"), HasSubstr("no such program")));
  EXPECT_THAT(Names(), ElementsAre("shop-db-1"));
}

TEST_F(ComposeVerbs, WaitsForWhatHasToComplete) {
  Write("shop/compose.yaml",
        "services:\n  web: {image: busybox, depends_on: {job: {condition: service_completed_successfully}}}\n"
        "  job: {image: busybox}\n");
  cri_.containers().SetScript({.exit_code = 4});
  EXPECT_THAT(FailureOf(Up{.detach = true}), HasSubstr("it has ended with exit status 4"));
  EXPECT_THAT(Names(), ElementsAre("shop-job-1"));
  cri_.containers().SetScript({.exit_code = 0});
  Status(Up{.detach = true});
  EXPECT_THAT(Names(), ElementsAre("shop-job-1", "shop-web-1"));
}

TEST_F(ComposeVerbs, SecretsAreFilesThatNobodyChanges) {
  Write("shop/compose.yaml",
        "services: {web: {image: busybox, secrets: [pass], configs: [{source: conf, target: /etc/c, mode: "
        "0440}]}}\n"
        "secrets: {pass: {file: ./pass.txt}}\nconfigs: {conf: {content: 'a=b'}}\n");
  Write("shop/pass.txt", "secret");
  Status(Up{.detach = true});
  ::davit::v1::ContainerSpec spec = cri_.containers().last_spec();
  ASSERT_EQ(spec.mounts_size(), 2);
  for (const ::davit::v1::BindMount& mount : spec.mounts()) {
    bool secret = mount.target() == "/run/secrets/pass";
    EXPECT_TRUE(secret || mount.target() == "/etc/c") << mount.target();
    EXPECT_EQ(ReadFile(mount.source()).value(), secret ? "secret" : "a=b");
    EXPECT_EQ(static_cast<int>(std::filesystem::status(mount.source()).permissions()), secret ? 0444 : 0440);
    EXPECT_EQ(static_cast<int>(
                  std::filesystem::status(std::filesystem::path(mount.source()).parent_path()).permissions()),
              0700);
  }
  std::filesystem::rename(dir_.path() + "/shop/pass.txt", dir_.path() + "/other");
  std::filesystem::create_symlink(dir_.path() + "/other", dir_.path() + "/shop/pass.txt");
  EXPECT_THAT(FailureOf(Up{.detach = true}), HasSubstr("secrets.pass")) << "a link is not followed";
  Write("shop/compose.yaml", "services: {web: {image: busybox}}");
  Status(Down{});
  EXPECT_FALSE(std::filesystem::exists(dir_.path() + "/attachments/shop"));
}

TEST_F(ComposeVerbs, LogsHaveTheContainerInFront) {
  cri_.containers().SetScript({.log = "2026-01-02T03:04:05.000000000Z stdout P one \n"
                                      "2026-01-02T03:04:05.000000000Z stdout F line\n"
                                      "2026-01-02T03:04:06.000000000Z stderr F two\n"});
  Status(Up{.detach = true});
  EXPECT_EQ(Answer(With(Logs{.services = {"web"}})), "web-1 | one line\n");
  EXPECT_EQ(Answer(With(Logs{.services = {"web"}, .no_log_prefix = true})), "one line\n");
  EXPECT_THAT(Answer(With(Logs{.services = {"web"}, .timestamps = true})),
              HasSubstr("web-1 | 2026-01-02T03:04:05.000000000Z one line"));
}

TEST_F(ComposeVerbs, ChangesGoFromWhatDependsToWhatItDependsOn) {
  Status(Up{.detach = true});
  size_t before = cri_.containers().calls().size();
  Status(Change{.what = Change::What::kStop, .grace_seconds = 2});
  Status(Change{.what = Change::What::kStart});
  Status(Change{.what = Change::What::kRemove});
  std::vector<std::string> calls = cri_.containers().calls();
  EXPECT_THAT(std::vector<std::string>(calls.begin() + static_cast<ptrdiff_t>(before), calls.end()),
              ElementsAre("Stop shop-web-1 2", "Stop shop-db-1 2", "Start shop-db-1", "Start shop-web-1"))
      << "rm leaves alone what runs";
  Status(Change{.what = Change::What::kKill, .services = {"db"}, .signal = "HUP"});
  EXPECT_EQ(cri_.containers().calls().back(), "Kill shop-db-1 1");
}

TEST_F(ComposeVerbs, ExecFindsTheContainerOfAService) {
  EXPECT_THAT(FailureOf(Exec{.service = "web", .command = {"ls"}}),
              HasSubstr("start it with davit compose up -d"));
}

TEST_F(ComposeVerbs, ProblemsOfFilesAreShownAll) {
  Write("shop/compose.yaml", "services: {web: {image: a, nonsens: 1, ulimits: 5}}");
  EXPECT_THAT(FailureOf(Up{}), HasSubstr("see above"));
  EXPECT_THAT(console_.Err(), AllOf(HasSubstr("compose.yaml:1: the key services.web.nonsens is not known"),
                                    HasSubstr("services.web.ulimits is not supported")));
  EXPECT_THAT(cri_.containers().calls(), IsEmpty());
}

TEST_F(ComposeVerbs, ConfigPrintsNamesAndHashes) {
  EXPECT_EQ(Answer(With(Config{.services = true})), "db\nweb\n");
  EXPECT_EQ(Answer(With(Config{.volumes = true})), "data\n");
  EXPECT_EQ(Answer(With(Config{.images = true})), "busybox\n");
  EXPECT_THAT(Answer(With(Config{.hash = "web"})), ::testing::MatchesRegex("web [0-9a-f]+\n"));
  EXPECT_THAT(Answer(With(Config{})), AllOf(HasSubstr("name: shop\n"), HasSubstr("    image: busybox\n")));
  EXPECT_THAT(Answer(With(Config{.format = "json"})), HasSubstr("\"name\": \"shop\""));
}

}  // namespace
}  // namespace davit::cli::compose
