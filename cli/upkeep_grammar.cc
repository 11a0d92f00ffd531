// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/upkeep_grammar.h"

#include "cli/list_option.h"

namespace davit::cli {

void UpkeepGrammar::AddTo(const ContainerGrammar::AddVerb& add) {
  constexpr char kSize[] = "NUMBER[b|k|m|g]";
  CLI::App& update =
      *add("update", "Change limits and restart policy of containers", [this] { return update_; });
  update.add_option("-m,--memory", update_.memory, "Limit of memory (0: none)")->type_name(kSize);
  update.add_option("--memory-swap", update_.memory_swap, "Limit of memory and swap together (-1: none)")
      ->type_name(kSize);
  update.add_option("--cpus", update_.cpus, "Limit of CPUs, such as 1.5 (0: none)")->type_name("NUMBER");
  update.add_option("-c,--cpu-shares", update_.cpu_shares, "Share of CPU time, relative to 1024")
      ->type_name("NUMBER");
  update.add_option("--cpuset-cpus", update_.cpuset_cpus, "The CPUs that it may use")->type_name("0-3,7");
  update.add_option("--pids-limit", update_.pids_limit, "Limit of processes (-1: none)")->type_name("NUMBER");
  update.add_option("--restart", update_.restart, "When to start it again")
      ->type_name("no|on-failure[:RETRIES]|always|unless-stopped");
  update.add_option("CONTAINER", update_.ids, "Containers: names, ids, or beginnings of ids")->required();
  update.footer(
      "A container that runs has its new limits at once; they stay for its next runs.\n"
      "Example: davit update --memory 1g --memory-swap 2g --restart unless-stopped web");
}

void UpkeepGrammar::AddEventsTo(const ContainerGrammar::AddVerb& add) {
  CLI::App& events = *add("events", "Print what happens to containers, volumes and networks, as it happens",
                          [this] { return events_; });
  events.add_option("--since", events_.since, "First what has happened from this time on")
      ->type_name("TIME|10m");
  events.add_option("--until", events_.until, "End at this time")->type_name("TIME|10m");
  AddList(events, "-f,--filter", events_.filters, "Only some of them",
          "type=|event=|container=|volume=|network=|image=...");
  events
      .add_option("--format", events_.format, "Print by a template, such as \"{{.Action}} {{.id}}\", or json")
      ->type_name("TEMPLATE");
  events.footer("Example: davit events --since 1h -f container=web -f event=die");
}

}  // namespace davit::cli
