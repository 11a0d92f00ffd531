// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/image_grammar.h"

#include "cli/list_option.h"

namespace davit::cli {
namespace {

constexpr char kNames[] = "Names, ids, or beginnings of ids";
constexpr char kName[] = "Name, id, or beginning of an id";

}  // namespace

void ImageGrammar::AddTo(const AddVerb& add) {
  AddBoth(add, "images", "rmi");
}

void ImageGrammar::AddGroupTo(const AddVerb& add) {
  AddBoth(add, "ls", "rm");
  CLI::App& inspect = *add("inspect", "Print all about images as JSON", [this] { return inspect_; });
  AddFormat(inspect, "-f,--format", inspect_.format, "Print by a template, such as \"{{.Config.Cmd}}\"");
  inspect.add_option("IMAGE", inspect_.images, kNames)->required();

  CLI::App& prune = *add("prune", "Remove unused images", [this] { return prune_; });
  prune.add_flag("-a,--all", prune_.all,
                 "Also images that have a tag or were pulled by digest, and what unfinished pulls have left");
  prune.add_flag("--dry-run", prune_.dry_run, "Print what would be removed");
  prune.add_flag("-f,--force", prune_.force, "Do not ask");
  AddHealth(add);
}

void ImageGrammar::AddBoth(const AddVerb& add, const std::string& list, const std::string& remove) {
  CLI::App& pull = *add("pull", "Fetch an image", [this] { return pull_; });
  pull.add_flag("-q,--quiet", pull_.quiet, "Print only the image's name");
  Refuse(pull, "-a,--all-tags", "pull each by its name");
  Refuse(pull, "--platform", "the image for the host's platform is pulled");
  pull.add_option("IMAGE", pull_.image, "Name with tag or digest")->required();

  AddList(add, list);
  AddNames(add);
  CLI::App& rmi = *add(remove, "Remove images", [this] { return rmi_; });
  rmi.add_flag("-f,--force", rmi_.force, "Those that do not exist are no error");
  rmi.add_option("IMAGE", rmi_.images, kNames)->required();

  CLI::App& history = *add("history", "Print how an image was made", [this] { return history_; });
  history.add_flag("--no-trunc", history_.no_trunc, "Do not shorten commands and ids");
  history.add_flag("-q,--quiet", history_.quiet, "Print only ids");
  AddFormat(history, "--format", history_.format, "Print by a template, such as \"{{.CreatedBy}}\"");
  history.add_option("IMAGE", history_.image, kName)->required();
  AddCarry(add);
}

void ImageGrammar::AddNames(const AddVerb& add) {
  CLI::App& tag = *add("tag", "Give an image another name", [this] { return tag_; });
  tag.add_option("SOURCE_IMAGE", tag_.image, kName)->required();
  tag.add_option("TARGET_IMAGE", tag_.tag, "NAME[:TAG]")->required();

  CLI::App& untag = *add("untag", "Take names from images, which stay", [this] { return untag_; });
  untag.add_option("NAME", untag_.tags, "NAME[:TAG]")->required();
}

void ImageGrammar::AddList(const AddVerb& add, const std::string& name) {
  CLI::App& images = *add(name, "List images, the newest first", [this] { return images_; });
  images.add_flag("-a,--all")->description("As without it: there are no hidden images");
  images.add_flag("-q,--quiet", images_.quiet, "Print only ids");
  images.add_flag("--digests", images_.digests, "Also print digests");
  images.add_flag("--no-trunc", images_.no_trunc, "Do not shorten ids");
  images.add_flag("--tree", images_.tree, "Print the layers as a tree, with the images made of them");
  cli::AddList(images, "-f,--filter", images_.filters, "Only some of them",
               "dangling=BOOL|label=KEY[=VALUE]|reference=PATTERN|before=IMAGE|since=IMAGE");
  AddFormat(images, "--format", images_.format, "Print by a template, such as \"{{.Repository}}:{{.Tag}}\"");
  images.add_option("NAME", images_.reference, "Only those with this name: REPOSITORY[:TAG]");
  images.footer("Example: davit images -f dangling=true -q");
}

void ImageGrammar::AddCarry(const AddVerb& add) {
  CLI::App& push = *add("push", "Send an image to the registry in its name", [this] { return push_; });
  push.add_flag("-q,--quiet", push_.quiet, "Print only the image's name");
  push.add_option("NAME", push_.image, "NAME[:TAG]")->required();

  CLI::App& save = *add("save", "Write images as a tar archive", [this] { return save_; });
  save.add_option("-o", save_.file, "Write to a file, instead of standard output")->type_name("FILE");
  save.add_option("IMAGE", save_.images, "Names, which the images get in the archive, or ids")->required();
  save.footer("The archive is an OCI image layout that docker, podman, skopeo and ctr read, too.");

  CLI::App& load = *add("load", "Load the images of a tar archive", [this] { return load_; });
  load.add_option("-i,--input", load_.file, "Read from a file, instead of standard input")->type_name("FILE");
  load.add_flag("-q,--quiet", load_.quiet, "Print no progress");
  load.footer("The archive is one of docker save or an OCI image layout, also compressed with gzip or zstd.");
}

void ImageGrammar::AddHealth(const AddVerb& add) {
  constexpr char kImages[] = "Names, ids, or beginnings of ids (default: all images)";
  CLI::App& verify =
      *add("verify", "Compare images with what was recorded of them", [this] { return verify_; });
  verify.add_flag("--quick", verify_.quick, "Do not read what is in files");
  verify.add_option("IMAGE", verify_.images, kImages);

  CLI::App& repair =
      *add("repair", "Verify images, and fetch again what is damaged", [this] { return repair_; });
  repair.add_option("IMAGE", repair_.images, kImages);
}

}  // namespace davit::cli
