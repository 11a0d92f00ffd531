// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/files_grammar.h"

namespace davit::cli {
namespace {

constexpr char kContainer[] = "Container: name, id, or beginning of an id";
constexpr char kName[] = "Name of the image: REPOSITORY[:TAG]";

void AddChanges(CLI::App& verb, std::vector<std::string>& changes) {
  verb.add_option("-c,--change", changes,
                  "Change the image's configuration, as an instruction of a Dockerfile does")
      ->type_name("'CMD ...'")
      ->allow_extra_args(false);
  verb.footer(
      "Instructions of --change: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, "
      "WORKDIR.");
}

}  // namespace

void FilesGrammar::AddTo(const AddVerb& add) {
  CLI::App& cp = *add("cp", "Copy files between a container and this directory tree", [this] { return cp_; });
  cp.add_flag("-a,--archive", cp_.archive, "Keep the owners of the files");
  cp.add_flag("-L,--follow-link", cp_.follow_link, "If SOURCE is a symbolic link, copy what it points to");
  cp.add_flag("-q,--quiet", cp_.quiet, "Do not print what was copied");
  cp.add_option("SOURCE", cp_.source,
                "CONTAINER:PATH, a local path, or - for a tar archive on standard input")
      ->required();
  cp.add_option("DESTINATION", cp_.destination, "The same; - writes a tar archive to standard output")
      ->required();
  cp.footer(
      "One of both is in a container, which may run or not. A directory is copied with all that is in it, "
      "into an\nexisting directory or as a new one; DIRECTORY/. stands for what is in it.\n"
      "Example: davit cp web:/etc/nginx ./conf");

  CLI::App& diff =
      *add("diff", "List what a container has changed of its image's files", [this] { return diff_; });
  diff.add_option("CONTAINER", diff_.id, kContainer)->required();
  diff.footer("A: added, C: changed, D: deleted.");

  CLI::App& exported =
      *add("export", "Write a container's files as a tar archive", [this] { return export_; });
  exported.add_option("-o", export_.file, "Write to a file, instead of standard output")->type_name("FILE");
  exported.add_option("CONTAINER", export_.id, kContainer)->required();
  exported.footer(
      "Without what is mounted in it, such as volumes. davit import makes an image of the archive.");

  CLI::App& commit = *add("commit", "Make an image of a container's changes", [this] {
    if (pause_) throw CLI::ValidationError("--pause", "not supported yet; stop the container before");
    return commit_;
  });
  commit.add_flag("-p,--pause", pause_)->group("");
  commit.add_option("-a,--author", commit_.author, "Author of the image")->type_name("NAME");
  commit.add_option("-m,--message", commit_.message, "Comment in the image's history")->type_name("TEXT");
  commit.add_option("CONTAINER", commit_.id, kContainer)->required();
  commit.add_option("NAME", commit_.name, kName);
  AddChanges(commit, commit_.changes);
}

void FilesGrammar::AddImportTo(const AddVerb& add) {
  CLI::App& verb = *add("import", "Make an image of a tar archive of files", [this] { return import_; });
  verb.add_option("-m,--message", import_.message, "Comment in the image's history")->type_name("TEXT");
  verb.add_option("FILE", import_.file, "The archive, also compressed with gzip or zstd; -: standard input")
      ->required();
  verb.add_option("NAME", import_.name, kName);
  AddChanges(verb, import_.changes);
}

}  // namespace davit::cli
