// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What ps, port, inspect, info and run -P look at.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/container_filter.h"
#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ListVerbs : public VerbFixture {
 protected:
  // "web" runs; "job" has ended with 3.
  ListVerbs() {
    RunOptions web{.image = "busybox",
                   .name = "web",
                   .ports = {"8080:80", "127.0.0.1:5353:53/udp"},
                   .volumes = {"/srv:/data"},
                   .labels = {"tier=front", "com.example.x=1,2"},
                   .detach = true};
    EXPECT_EQ(Do(web).value(), 0);
    cri_.containers().SetScript({.exit_code = 3});
    EXPECT_EQ(Do(RunOptions{.image = "busybox", .name = "job", .network = "none"}).value(), 3);
  }

  std::string Names(PsOptions options) {
    options.format = "{{.Names}}";
    return Answer(options);
  }
  std::string Filtered(const std::vector<std::string>& filters) {
    return Names({.all = true, .filters = filters});
  }
};

TEST_F(ListVerbs, PsFiltersByProperties) {
  EXPECT_EQ(Names({}), "web\n");
  for (const char* web : {"status=running", "name=web", "name=^/we", "name=w.b$", "label=tier",
                          "label=tier=front", "network=bridge", "volume=/data", "volume=/srv", "publish=8080",
                          "publish=8000-8100/tcp", "expose=53/udp", "id=^01"})
    EXPECT_EQ(Filtered({web}), "web\n") << web;
  for (const char* job : {"status=exited", "exited=3", "network=none", "name=jo"})
    EXPECT_EQ(Filtered({job}), "job\n") << job;
  for (const char* none : {"status=paused", "health=healthy", "exited=0", "label=tier=back", "volume=x",
                           "publish=81", "ancestor=x"})
    EXPECT_EQ(Filtered({none}), "") << none;
}

TEST_F(ListVerbs, PsFiltersOfOneKindAreAlternativesButLabelsAreNot) {
  EXPECT_EQ(Filtered({"name=web", "name=job"}), "web\njob\n");
  EXPECT_EQ(Filtered({"status=exited", "status=running"}), "web\njob\n");
  EXPECT_EQ(Filtered({"name=web", "status=exited"}), "");
  EXPECT_EQ(Filtered({"label=tier", "label=com.example.x=1,2"}), "web\n");
  EXPECT_EQ(Filtered({"label=tier", "label=lacking"}), "");
  EXPECT_EQ(Names({.filters = {"status=exited"}}), "job\n") << "also without -a";
}

TEST_F(ListVerbs, PsFindsTheContainersOfAnImageByItsNameOrId) {
  EXPECT_EQ(Filtered({"ancestor=busybox"}), "web\njob\n");
  EXPECT_EQ(Filtered({"ancestor=" + cri_.images().IdOf("busybox").substr(7, 12)}), "web\njob\n");
}

TEST_F(ListVerbs, PsShowsTheLastOnes) {
  EXPECT_EQ(Names({.last = 1}), "web\n");
  EXPECT_EQ(Names({.last = 9}), "web\njob\n") << "whether they run or not";
}

TEST_F(ListVerbs, PsRefusesFiltersWithAReason) {
  for (const auto& [filter, why] : {std::pair{"stauts=running", "did you mean status?"},
                                    {"status=up", "write created, running"},
                                    {"exited=x", "exit code"},
                                    {"name=[", "not a regular expression"},
                                    {"publish=x", "PORT[-PORT]"},
                                    {"health=x", "write starting, healthy"},
                                    {"colour=x", "there are ancestor, before"},
                                    {"name", "write name=VALUE"}})
    EXPECT_THAT(Do(PsOptions{.filters = {filter}}).error().ToString(), HasSubstr(why)) << filter;
  EXPECT_EQ(Do(PsOptions{.filters = {"since=nobody"}}).error().code, Code::kNotFound);
  EXPECT_THAT(Do(PsOptions{.kubelets = true, .filters = {"name=x"}}).error().ToString(),
              HasSubstr("leave -A out"));
}

TEST_F(ListVerbs, PsHasTheFieldsOfDocker) {
  EXPECT_EQ(Answer(PsOptions{.format = "{{.Names}} {{.Networks}} {{.Mounts}} {{.LocalVolumes}} "
                                       "{{.Label \"com.example.x\"}}<{{.Label \"no\"}}>",
                             .filters = {"name=web"}}),
            "web bridge /srv 0 1,2<>\n");
  EXPECT_EQ(Answer(PsOptions{.format = "table {{.ID}}\\t{{.RunningFor | len}}"}).substr(0, 21),
            "CONTAINER ID   CREATE");
  EXPECT_THAT(Answer(PsOptions{.format = "table"}), HasSubstr("COMMAND"));
  EXPECT_THAT(Do(PsOptions{.format = "{{.Names"}).error().ToString(), HasSubstr("}} is missing"));
  EXPECT_FALSE(Do(PsOptions{.format = "{{nothing}}", .filters = {"name=nobody"}})) << "also without rows";
}

TEST_F(ListVerbs, PsMeasuresWhatItIsAskedFor) {
  EXPECT_THAT(Answer(PsOptions{.sizes = true}),
              AllOf(HasSubstr("SIZE"), HasSubstr("12.3kB (virtual 4.23MB)")));
  EXPECT_EQ(Answer(PsOptions{.format = "{{.Size}}"}), "12.3kB (virtual 4.23MB)\n");
  EXPECT_THAT(Answer(PsOptions{}), Not(HasSubstr("SIZE")));
}

TEST_F(ListVerbs, PortListsWhereAContainersPortsAre) {
  EXPECT_EQ(Answer(PortOptions{.id = "web"}),
            "53/udp -> 127.0.0.1:5353\n80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n");
  EXPECT_EQ(Answer(PortOptions{.id = "web", .port = "80"}), "0.0.0.0:8080\n[::]:8080\n");
  EXPECT_EQ(Answer(PortOptions{.id = "web", .port = "53/udp"}), "127.0.0.1:5353\n");
  Result<int> none = Do(PortOptions{.id = "web", .port = "81"});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().ToString(), HasSubstr("no public port '81/tcp' published"));
  EXPECT_EQ(StatusOfFailure(PortOptions(), none.error()), kContainerError);
  for (const char* bad : {"x", "0", "80/", "80/icmp", "65536"})
    EXPECT_EQ(Do(PortOptions{.id = "web", .port = bad}).error().code, Code::kInvalidArgument) << bad;
  EXPECT_EQ(Answer(PortOptions{.id = "job"}), "");
  auto json = nlohmann::json::parse(Answer(PortOptions{.id = "web"}, OutputFormat::kJson));
  EXPECT_EQ(json["80/tcp"][0], "0.0.0.0:8080");
}

TEST_F(ListVerbs, InspectFindsThingsOfAllKinds) {
  cri_.volumes().Add("data");
  EXPECT_EQ(Do(NetworkCreateOptions{.name = "back"}).value(), 0);
  auto inspect = [this](const std::string& name, const std::string& format, const std::string& type = "") {
    return Answer(InspectOptions{.ids = {name}, .type = type, .format = format});
  };
  EXPECT_EQ(inspect("web", "{{.Name}}"), "/web\n");
  EXPECT_EQ(inspect("busybox", "{{index .RepoTags 0}}"), "docker.io/library/busybox:latest\n");
  EXPECT_EQ(inspect("back", "{{.Driver}}"), "bridge\n");
  EXPECT_EQ(inspect("data", "{{.Mountpoint}}", "volume"), "/volumes/data/_data\n");
  EXPECT_EQ(Do(InspectOptions{.ids = {"web"}, .type = "image"}).error().code, Code::kNotFound);
  EXPECT_THAT(Do(InspectOptions{.ids = {"nothing"}}).error().ToString(),
              HasSubstr("no such container, image, network or volume"));
}

TEST_F(ListVerbs, InfoAndVersionHaveTemplates) {
  EXPECT_EQ(
      Answer(InfoOptions{.format = "{{.ServerVersion}} {{.Containers}} {{.ContainersRunning}} {{.OSType}}"}),
      "1.2.3 2 1 linux\n");
  EXPECT_EQ(Answer(VersionOptions{.format = "{{.Server.Version}} {{.Server.ApiVersion}}"}).substr(0, 6),
            "1.2.3 ");
  EXPECT_THAT(Answer(VersionOptions{}), HasSubstr("fake 1.2.3"));
}

TEST_F(ListVerbs, PublishAllTakesThePortsOfTheImageAndOfTheCommandLine) {
  RunOptions all{.image = "busybox",
                 .name = "all",
                 .ports = {"9000:80"},
                 .exposed = {"7000-7001"},
                 .publish_all = true,
                 .detach = true};
  EXPECT_EQ(Do(all).value(), 0);
  std::map<std::string, uint32_t> ports;
  const api::ContainerSpec spec = cri_.containers().last_spec();
  for (const auto& port : spec.ports())
    ports[std::to_string(port.container_port()) + (port.protocol() == api::PortMapping::UDP ? "u" : "")] =
        port.host_port();
  ASSERT_EQ(ports.size(), 4u);
  EXPECT_EQ(ports["80"], 9000u) << "which is said";
  for (const char* chosen : {"53u", "7000", "7001"}) {
    EXPECT_GE(ports[chosen], 1024u);
    EXPECT_NE(ports[chosen], 8080u) << "a container has it";
  }
  EXPECT_NE(ports["7000"], ports["7001"]);
}

TEST_F(ListVerbs, AHostPortOfARangeIsOneThatNobodyHas) {
  EXPECT_EQ(
      Do(RunOptions{.image = "busybox", .name = "first", .ports = {"18080:80"}, .detach = true}).value(), 0);
  RunOptions run{.image = "busybox", .name = "next", .ports = {"18080-18081:80"}, .detach = true};
  EXPECT_EQ(Do(run).value(), 0);
  ASSERT_EQ(cri_.containers().last_spec().ports_size(), 1);
  EXPECT_EQ(cri_.containers().last_spec().ports(0).host_port(), 18081u);
  run.name = "none";
  EXPECT_THAT(Do(run).error().ToString(), HasSubstr("no port of the host is free"));
}

TEST_F(ListVerbs, PublishAllOfAnImageThatIsNotHerePullsItFirst) {
  RunOptions run{.image = "nginx", .name = "n", .publish_all = true, .detach = true};
  EXPECT_EQ(Do(run).value(), 0);
  EXPECT_EQ(cri_.containers().last_spec().ports_size(), 2);
}

}  // namespace
}  // namespace davit::cli
