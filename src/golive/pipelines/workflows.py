"""`golive ship export`: the small workflow file for who keeps their runners at GitHub or GitLab; it calls golive."""

GITHUB = """\
# .github/workflows/golive.yml - written by `golive ship export github`
name: golive
on:
  push: { branches: [main] }
  pull_request:
permissions: { contents: read }
concurrency: { group: "golive-${{ github.ref }}", cancel-in-progress: true }
jobs:
  ship:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: { python-version: "3.12" }
      - uses: actions/cache@v4
        with:
          path: .golive-data
          key: golive-${{ github.sha }}
          restore-keys: golive-
      - run: sudo apt-get update && sudo apt-get install -y bubblewrap postgresql
      - run: pip install golive uv && golive ship
        env:
          GOLIVE_DATA: ${{ github.workspace }}/.golive-data
      - if: always()
        run: golive ship status --markdown >> "$GITHUB_STEP_SUMMARY" || true
        env:
          GOLIVE_DATA: ${{ github.workspace }}/.golive-data
"""
GITLAB = """\
# .gitlab-ci.yml - written by `golive ship export gitlab`
golive:
  image: python:3.12
  timeout: 30 minutes
  interruptible: true
  variables: { GOLIVE_DATA: "$CI_PROJECT_DIR/.golive-data" }
  cache: { key: golive, paths: [.golive-data] }
  before_script:
    - apt-get update && apt-get install -y bubblewrap postgresql
    - pip install golive uv
  script: [golive ship]
  after_script: ["golive ship status --markdown > golive.md || true"]
  artifacts: { when: always, paths: [golive.md] }
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
FILES = {"github": (".github/workflows/golive.yml", GITHUB), "gitlab": (".gitlab-ci.yml", GITLAB)}
