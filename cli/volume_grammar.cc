// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/volume_grammar.h"

#include <string>

#include "cli/list_option.h"

namespace davit::cli {

void VolumeGrammar::AddTo(const ContainerGrammar::AddVerb& add) {
  CLI::App& create = *add("create", "Create a volume, and print its name", [this] { return create_; });
  AddList(create, "--label", create_.labels, "Set a label", "KEY[=VALUE]");
  create.add_option("-d,--driver", create_.driver, "Only local, which is the default")->type_name("DRIVER");
  create
      .add_option_function<std::string>(
          "-o,--opt",
          [](const std::string&) {
            throw CLI::ValidationError(
                "--opt",
                "the driver local has no options: mount the filesystem at the host, and "
                "use it with davit run -v HOST_PATH:CONTAINER_PATH");
          })
      ->group("");
  create.add_option("VOLUME", create_.name, "Its name (default: an anonymous volume)");
  create.footer("Example: davit volume create data; davit run -d -v data:/var/lib/db registry.example/db");

  CLI::App& list = *add("ls", "List volumes", [this] { return list_; });
  list.alias("list");
  list.add_flag("-q,--quiet", list_.quiet, "Print only names");
  AddList(list, "-f,--filter", list_.filters, "Only some of them",
          "dangling=BOOL|driver=local|name=TEXT|label=KEY[=VALUE]");
  AddFormat(list, "--format", list_.format, "Print by a template, such as \"{{.Name}} {{.Mountpoint}}\"");
  list.footer("Example: davit volume ls -f dangling=true");

  CLI::App& inspect = *add("inspect", "Print all about volumes as JSON", [this] { return inspect_; });
  AddFormat(inspect, "-f,--format", inspect_.format, "Print by a template, such as \"{{.Mountpoint}}\"");
  inspect.add_option("VOLUME", inspect_.names, "Their names")->required();

  CLI::App& remove = *add("rm", "Remove volumes and what is in them", [this] { return remove_; });
  remove.alias("remove");
  remove.add_flag("-f,--force", remove_.force, "Those that do not exist are no error");
  remove.add_option("VOLUME", remove_.names, "Their names")->required();
  remove.footer("A volume that a container mounts cannot be removed, even if that does not run.");

  CLI::App& prune =
      *add("prune", "Remove anonymous volumes that no container mounts", [this] { return prune_; });
  prune.add_flag("-a,--all", prune_.all, "Also those with a name");
  prune.add_flag("-f,--force", prune_.force, "Do not ask");
  AddList(prune, "--filter", prune_.filters, "Only some of them", "label=KEY[=VALUE]");
}

}  // namespace davit::cli
