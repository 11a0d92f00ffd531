// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/load.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/compose/model/print.h"
#include "cli/compose/model/testing/text_project.h"

namespace davit::cli::compose {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

json ServiceOf(const std::expected<Project, Problems>& project, const std::string& name) {
  if (!project) {
    ADD_FAILURE() << project.error().ToString();
    return {};
  }
  return JsonOf(project->services.at(name).definition);
}

json ServiceOf(const std::string& text, const std::string& name = "web") {
  return ServiceOf(LoadText(text), name);
}

TEST(LoadProject, ShortFormsBecomeLongOnes) {
  json web = ServiceOf(
      "services:\n  web:\n    image: web\n    command: sh -c 'a b'\n    ports: ['127.0.0.1:8080:80/udp', "
      "443]\n"
      "    volumes: ['./a:/a:ro', 'data:/b', /c]\n    environment: [A=1, B]\n    depends_on: [db]\n"
      "    tmpfs: /run\n  db: {image: db}\nvolumes: {data: }\n");
  EXPECT_EQ(web["command"], json({"sh", "-c", "a b"}));
  EXPECT_EQ(web["ports"][0], json({{"mode", "ingress"},
                                   {"host_ip", "127.0.0.1"},
                                   {"target", 80},
                                   {"published", "8080"},
                                   {"protocol", "udp"}}));
  EXPECT_EQ(web["ports"][1], json({{"mode", "ingress"}, {"target", 443}, {"protocol", "tcp"}}));
  EXPECT_EQ(web["volumes"][0]["source"], "/p/a");
  EXPECT_EQ(web["volumes"][0]["read_only"], true);
  EXPECT_EQ(web["volumes"][1]["type"], "volume");
  EXPECT_EQ(web["volumes"][2]["target"], "/c");
  EXPECT_EQ(web["environment"], json({{"A", "1"}, {"B", nullptr}}));
  EXPECT_EQ(web["depends_on"]["db"], json({{"condition", "service_started"}, {"required", true}}));
  EXPECT_EQ(web["tmpfs"], json({"/run"}));
  EXPECT_EQ(web["networks"], json({{"default", nullptr}}));
}

TEST(LoadProject, RangesOfPortsBecomePorts) {
  json web = ServiceOf("services: {web: {image: a, ports: ['3000-3002:80-82', '9000-9001:90']}}");
  ASSERT_EQ(web["ports"].size(), 4u);
  EXPECT_EQ(web["ports"][2]["published"], "3002");
  EXPECT_EQ(web["ports"][2]["target"], 82);
  EXPECT_EQ(web["ports"][3]["published"], "9000-9001");
}

TEST(LoadProject, NamesAreThoseOfTheProject) {
  auto project = LoadText(
      "services: {web: {image: a, volumes: ['data:/d', 'kept:/k'], networks: [back]}}\n"
      "networks: {back: , unused: }\nvolumes: {data: {}, kept: {external: true, name: old}}\n");
  ASSERT_TRUE(project) << project.error().ToString();
  EXPECT_EQ(project->name, "shop");
  EXPECT_EQ(project->networks.size(), 1u);
  EXPECT_EQ(project->networks.at("back").name, "shop_back");
  EXPECT_EQ(project->volumes.at("data").name, "shop_data");
  EXPECT_EQ(project->volumes.at("kept").name, "old");
  EXPECT_TRUE(project->volumes.at("kept").external);
}

TEST(LoadProject, TheNameComesFromTheFileOrTheDirectory) {
  auto named = LoadProject({.files = {"/p/compose.yaml"}, .directory = "/p/My App", .name = {}},
                           [](auto&) { return Result<std::string>("services: {web: {image: a}}"); });
  ASSERT_TRUE(named) << named.error().ToString();
  EXPECT_EQ(named->name, "myapp");
  EXPECT_EQ(ProjectNameOf("/srv/_A.b-C"), "ab-c");
  EXPECT_FALSE(IsProjectName("Shop"));
  EXPECT_FALSE(IsProjectName("-shop"));
  EXPECT_THAT(LoadText("services: {web: {image: a}}", {.name = "Bad Name"}).error().ToString(),
              HasSubstr("is no name of a project"));
}

TEST(LoadProject, LaterFilesCountMore) {
  TextFiles files(
      {{"/p/compose.yaml",
        "services:\n  web:\n    image: a\n    command: [x]\n    environment: {A: 1, B: 1}\n"
        "    ports: ['80:80']\n    volumes: ['./one:/d']\n    cap_add: [A]\n    labels: [a=1]\n"},
       {"/p/over.yaml",
        "services:\n  web:\n    command: [y, z]\n    environment: [B=2]\n    ports: ['81:81', '80:80']\n"
        "    volumes: ['./two:/d']\n    cap_add: [A, B]\n    labels: {b: 2}\n"}});
  json web = ServiceOf(files.Load(), "web");
  EXPECT_EQ(web["image"], "a");
  EXPECT_EQ(web["command"], json({"y", "z"}));
  EXPECT_EQ(web["environment"], json({{"A", "1"}, {"B", "2"}}));
  EXPECT_EQ(web["ports"].size(), 2u);
  EXPECT_EQ(web["volumes"].size(), 1u);
  EXPECT_EQ(web["volumes"][0]["source"], "/p/two");
  EXPECT_EQ(web["cap_add"], json({"A", "B"}));
  EXPECT_EQ(web["labels"], json({{"a", "1"}, {"b", "2"}}));
}

TEST(LoadProject, TagsRemoveAndReplace) {
  TextFiles files(
      {{"/p/compose.yaml",
        "services: {web: {image: a, ports: ['80:80'], cap_add: [A], environment: {X: 1}}}"},
       {"/p/over.yaml",
        "services: {web: {ports: !reset [], cap_add: !override [B], environment: {X: !reset null}}}"}});
  json web = ServiceOf(files.Load(), "web");
  EXPECT_FALSE(web.contains("ports"));
  EXPECT_EQ(web["cap_add"], json({"B"}));
  EXPECT_FALSE(web.contains("environment") && web["environment"].contains("X"));
}

TEST(LoadProject, ExtendsServicesOfThisFileAndOfOthers) {
  TextFiles files(
      {{"/p/compose.yaml",
        "services:\n  web:\n    extends: {file: sub/base.yaml, service: base}\n    environment: {B: 2}\n"
        "  worker:\n    extends: web\n    command: [work]\n"},
       {"/p/sub/base.yaml",
        "services:\n  base:\n    extends: root\n    volumes: ['./data:/d']\n"
        "  root: {image: a, environment: {A: 1, B: 1}}\n"}});
  json worker = ServiceOf(files.Load(), "worker");
  EXPECT_EQ(worker["image"], "a");
  EXPECT_EQ(worker["environment"], json({{"A", "1"}, {"B", "2"}}));
  EXPECT_EQ(worker["volumes"][0]["source"], "/p/sub/data") << "relative to its file";
  EXPECT_EQ(worker["command"], json({"work"}));
  EXPECT_THAT(ProblemsOf("services: {a: {extends: b}, b: {extends: a}}"), HasSubstr("circle"));
  EXPECT_THAT(ProblemsOf("services: {a: {extends: b}}"), HasSubstr("does not have: \"b\""));
}

TEST(LoadProject, IncludesFilesWithTheirOwnVariables) {
  std::map<std::string, std::string> texts = {
      {"/p/compose.yaml", "include: [sub/compose.yaml]\nservices: {web: {image: a, depends_on: [db]}}\n"},
      {"/p/sub/compose.yaml", "services: {db: {image: 'db:${TAG}', volumes: ['./d:/d']}}\n"},
      {"/p/sub/.env", "TAG=7\n"}};
  json db = ServiceOf(TextFiles(texts).Load(), "db");
  EXPECT_EQ(db["image"], "db:7");
  EXPECT_EQ(db["volumes"][0]["source"], "/p/sub/d");
  texts["/p/compose.yaml"] = "include: [sub/compose.yaml]\nservices: {db: {image: other}}\n";
  EXPECT_THAT(TextFiles(texts).Load().error().ToString(), HasSubstr("is in an included file, too"));
  texts["/p/sub/compose.yaml"] = "include: [../compose.yaml]\n";
  EXPECT_THAT(TextFiles(texts).Load().error().ToString(), HasSubstr("nests too deeply"));
}

TEST(LoadProject, ReadsVariablesOfServicesFromFiles) {
  TextFiles files(
      {{"/p/compose.yaml",
        "services:\n  web:\n    image: a\n    env_file: [one.env, {path: two.env, required: false}]\n"
        "    environment: {A: own, HOME: }\n"},
       {"/p/one.env", "A=file\nB=file\n"}});
  LoadRequest request;
  request.environment = {{"HOME", "/root"}};
  json web = ServiceOf(files.Load(request), "web");
  EXPECT_EQ(web["environment"], json({{"A", "own"}, {"B", "file"}, {"HOME", "/root"}}));
  EXPECT_THAT(ProblemsOf("services: {web: {image: a, env_file: gone.env}}"), HasSubstr("/p/gone.env"));
}

TEST(LoadProject, ProfilesChooseServices) {
  const std::string text =
      "services: {web: {image: a}, debug: {image: b, profiles: [dev]}, test: {image: c, profiles: [ci]}}";
  auto plain = LoadText(text);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->services.size(), 1u);
  EXPECT_THAT(plain->idle, ElementsAre(Pair("debug", "dev"), Pair("test", "ci")));
  EXPECT_EQ(LoadText(text, {.profiles = {"dev"}})->services.size(), 2u);
  EXPECT_EQ(LoadText(text, {.profiles = {"*"}})->services.size(), 3u);
  EXPECT_EQ(LoadText(text, {.chosen = {"test"}})->services.size(), 2u);
}

TEST(LoadProject, OrdersServicesByTheirDependencies) {
  auto project = LoadText(
      "services: {a: {image: i, depends_on: [b, c]}, b: {image: i, depends_on: [c]}, c: {image: i}, d: "
      "{image: i}}");
  ASSERT_TRUE(project);
  EXPECT_THAT(*project->InOrder({}), ElementsAre("c", "b", "a", "d"));
  EXPECT_THAT(*project->InOrder({"b"}), ElementsAre("c", "b"));
  EXPECT_THAT(*project->InOrder({"b"}, /*with_dependencies=*/false), ElementsAre("b"));
  EXPECT_THAT(project->InOrder({"e"}).error().ToString(), HasSubstr("no such service"));
}

struct BadFile {
  std::string text;
  std::string problem;
};

class BadProject : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadProject, IsRefusedWithALine) {
  EXPECT_THAT(ProblemsOf(GetParam().text),
              AllOf(HasSubstr("/p/compose.yaml:"), HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadProject,
    ::testing::Values(
        BadFile{"servces: {}", "the key servces is not known; did you mean services?"},
        BadFile{"services:\n  web:\n    image: a\n    comand: x\n",
                "compose.yaml:4: the key services.web.comand is not known; did you mean command?"},
        BadFile{"services: {web: {image: a, ulimits: {nofile: 5}}}",
                "services.web.ulimits is not supported: "},
        BadFile{"services: {web: {}}", "has neither image nor build"},
        BadFile{"services: {web: {image: a, ports: ['x:80']}}", "x:80: ports are 1 to 65535"},
        BadFile{"services: {web: {image: a, ports: ['1.2.3:80:80']}}", "is no address"},
        BadFile{"services: {web: {image: a, privileged: maybe}}", "write true or false"},
        BadFile{"services: {web: {image: a, mem_limit: lots}}", "write a size"},
        BadFile{"services: {web: {image: a, stop_grace_period: 5}}", "write a duration"},
        BadFile{"services: {web: {image: a, command: [true]}}", "in quotes"},
        BadFile{"services: {web: {image: a, volumes: ['data:/d']}}", "uses volumes.data"},
        BadFile{"services: {web: {image: a, networks: [back]}}", "uses networks.back"},
        BadFile{"services: {web: {image: a, networks: [a, b]}}\nnetworks: {a: , b: }",
                "has several networks"},
        BadFile{"services: {web: {image: a, network_mode: 'service:db'}}", "network_mode is \"service:db\""},
        BadFile{"services: {web: {image: a, depends_on: [dv]}, db: {image: a}}", "did you mean db?"},
        BadFile{"services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [a]}}",
                "depends on itself"},
        BadFile{"services: {web: {image: a, container_name: x, scale: 2}}", "only one container"},
        BadFile{"services: {web: {image: a, secrets: [s]}}\nsecrets: {s: {}}", "needs one of file"},
        BadFile{"services: {web: {image: a, pull_policy: daily}}", "pull_policy is \"daily\""},
        BadFile{"services: {web: {image: '${X:?say which}'}}", "say which"},
        BadFile{"services: {web: {image: a, cpus: 2, deploy: {resources: {limits: {cpus: '1'}}}}}",
                "cpus is 2"},
        BadFile{"services: {}", "there are no services"}));

TEST(LoadProject, CosmeticKeysAreIgnored) {
  EXPECT_EQ(
      ProblemsOf("version: '3.8'\nx-a: {anything: [1]}\nservices: {web: {image: a, x-b: 1, develop: {}}}"),
      "");
}

TEST(LoadProject, ShowsAllProblemsOfAFile) {
  EXPECT_EQ(LoadText("services: {web: {image: a, aa: 1, bb: 2}, c: {imag: x}}").error().list().size(), 3u);
}

}  // namespace
}  // namespace davit::cli::compose
